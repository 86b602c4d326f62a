# python_with <venv> <requirements.txt> creates a Python virtual environment with these packages, each of
# which has a hash in the file; `pip check` fails if a package is missing there. It keeps an existing
# environment that has the same packages and the same Python.
python_with() {
  local venv=$1 requirements=$2 output
  python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { echo "missing python3: install version 3.11 or newer, with its venv module" >&2; return 1; }
  { python3 -VV; cat "$requirements"; } | cmp -s - "$venv/installed" && return
  echo "installing ${requirements##*/infra/} (once)" >&2
  output=$(python3 -m venv --clear "$venv" &&
    "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
      -r "$requirements" 2>&1 && "$venv/bin/python" -m pip check 2>&1) ||
    { echo "$output" >&2; return 1; }
  { python3 -VV; cat "$requirements"; } >"$venv/installed"
}
