# Shared by the set-up scripts: how they speak, and what they check before they start. Sourced, never run.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
WORK=""

# On the terminal: "==>" opens a step, indented lines belong to it.
step() { printf '==> %s\n' "$*" >&2; }
say() { printf '    %s\n' "$*" >&2; }

# fail WHAT NEXT: what went wrong, and what to do about it.
fail() {
  printf '\nerror: %s\n next: %s\n' "$1" "$2" >&2
  exit 1
}

# A scratch folder inside $1 that is gone when the script ends; its path is in $WORK.
# Beside the target rather than in /tmp, so that the last step is a rename on one file system.
make_work_folder() {
  mkdir -p "$1"
  if [[ -n "$WORK" ]]; then rm -rf "$WORK"; fi
  WORK="$(mktemp -d "$1/.partial.XXXXXX")"
  trap 'rm -rf "$WORK"' EXIT
  trap 'exit 130' INT TERM
}

# need_disk MEGABYTES FOLDER: fails where the file system of FOLDER has less room.
need_disk() {
  local folder="$2" free
  while [[ ! -d "$folder" ]]; do folder="$(dirname "$folder")"; done
  free="$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')"
  if ((free < $1)); then
    fail "this step needs $1 MB of disk in $folder, and $free MB are free" "free some space (make clean removes builds), then run the same command again"
  fi
  say "disk: $free MB free, $1 MB needed"
}

# need_index PYTHON PACKAGE: fails where pip cannot reach the Python package index.
need_index() {
  local log
  if ! log="$("$1" -m pip --disable-pip-version-check index versions "$2" --retries 1 --timeout 30 2>&1)"; then
    printf '%s\n' "$log" | grep -v experimental | tail -n 3 >&2
    fail "pip cannot find the package $2 on its index" \
      "check the network and pip's settings (pip config list, PIP_INDEX_URL, proxies), then run the same command again"
  fi
  say "network: the Python package index answers"
}

# Sets PYTHON to a Python 3.11 that can make virtual environments.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      PYTHON="$(command -v "$candidate")"
      if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
        fail "$PYTHON cannot make virtual environments" \
          "install its venv module (Debian, Ubuntu: apt install python3.11-venv), then run the same command again"
      fi
      return
    fi
    if [[ -n "${PYTHON:-}" && "$candidate" == "$PYTHON" ]]; then
      fail "PYTHON is '$PYTHON', which is no Python 3.11" "set PYTHON to a Python 3.11, or unset it"
    fi
  done
  fail "no Python 3.11 was found as python3.11, python3 or python (the libtorch wheels are made for 3.11)" \
    "install Python 3.11 with its venv module, or name it: PYTHON=/path/to/python3.11 make setup"
}

# make_venv FOLDER: a virtual environment there, made anew where one is missing or its Python is gone.
make_venv() {
  if "$1/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  find_python
  say "virtual environment: ${1#"$ROOT"/} ($PYTHON)"
  "$PYTHON" -m venv --clear "$1" || fail "no virtual environment could be made in $1" "see Python's message above"
}

# pip_install VENV NEXT ARGUMENTS...: quiet unless it fails; NEXT is the advice then.
pip_install() {
  local venv="$1" next="$2" log
  shift 2
  if ! log="$("$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-input "$@" 2>&1)"; then
    printf '%s\n' "$log" | tail -n 25 >&2
    fail "pip could not install: $*" "$next"
  fi
}

# sha256_of FILE
sha256_of() { sha256sum "$1" | cut -d' ' -f1; }
