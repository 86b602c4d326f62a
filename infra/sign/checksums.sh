# check_sums <directory> fails, by the caller's `die`, if an artefact is not the one that was built.
check_sums() {
  local directory=$1 sum=(sha256sum) file
  [ -f "$directory/SHA256SUMS" ] || die "no artefacts in $directory: run \`make build\` first"
  command -v sha256sum >/dev/null || sum=(shasum -a 256)
  (cd "$directory" && "${sum[@]}" --check --quiet SHA256SUMS) ||
    die "the artefacts in $directory do not match their SHA256SUMS: run \`make build\` again"
  for file in "$directory"/*.zip; do
    grep -qsE "^[0-9a-f]{64}  ${file##*/}\$" "$directory/SHA256SUMS" ||
      die "${file##*/} in $directory has no checksum in SHA256SUMS: run \`make build\` again"
  done
}
