# check_sums <directory> fails, by the caller's `die`, if an artefact is not the one that was built.
check_sums() {
  local directory=$1 sum=(sha256sum) file
  [ -f "$directory/SHA256SUMS" ] || die "no artefacts in $directory: run \`make build\` first"
  command -v sha256sum >/dev/null || sum=(shasum -a 256)
  (cd "$directory" && "${sum[@]}" --check --quiet SHA256SUMS) ||
    die "the artefacts in $directory do not match their SHA256SUMS: run \`make build\` again"
  local files=("$directory"/*.zip)
  # The operator's tool, which `make destroy` runs. A release has it in an archive.
  [ ! -e "$directory/guestpass" ] || files+=("$directory/guestpass")
  for file in "${files[@]}"; do
    grep -qsE "^[0-9a-f]{64}  ${file##*/}\$" "$directory/SHA256SUMS" ||
      die "${file##*/} in $directory has no checksum in SHA256SUMS: run \`make build\` again"
  done
}
