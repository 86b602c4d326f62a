# For scripts that run on Python packages: python_with <venv> <requirements.txt> makes a venv
# that has exactly these, or keeps the one that has.
python_with() {
  local venv=$1 requirements=$2 said
  python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { echo "python3 3.11 or newer with its venv module is missing" >&2; return 1; }
  { python3 -VV; cat "$requirements"; } | cmp -s - "$venv/installed" && return
  echo "installing ${requirements##*/infra/} (once)" >&2
  said=$(python3 -m venv --clear "$venv" &&
    "$venv/bin/python" -m pip install --disable-pip-version-check -r "$requirements" 2>&1) ||
    { echo "$said" >&2; return 1; }
  { python3 -VV; cat "$requirements"; } >"$venv/installed"
}
