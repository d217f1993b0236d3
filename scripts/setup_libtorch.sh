#!/usr/bin/env bash
# Gives this checkout a libtorch and links it as `.libtorch`, which .cargo/config.toml points cargo at.
#
#   scripts/setup_libtorch.sh
#
# An existing libtorch is taken where LIBTORCH names one. Otherwise the PyTorch wheel, which carries libtorch and its
# headers, goes into .venv: on a machine with an NVIDIA GPU with all its CUDA libraries (5 GB), else with the two
# small ones that even the processor's part is linked against (1.3 GB). Runs again in a moment when all is there.
#
# PYTHON      the Python 3.11 to use; otherwise python3.11, python3 and python are tried
# LIBTORCH    a libtorch 2.11 that exists; its folder holds lib/ and include/
# CONDUCTOR_LIBTORCH=cpu|cuda   which wheel set to install, whatever hardware is found
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TORCH=2.11.0
CPU_SET=("torch==$TORCH" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
VENV="$ROOT/.venv"
LINK="$ROOT/.libtorch"

check_tools() {
  local tool
  for tool in cargo c++; do
    command -v "$tool" >/dev/null && continue
    case "$tool" in
      cargo) fail "cargo is not installed" "install the Rust toolchain with rustup, then run the same command again" ;;
      *) fail "there is no C++ compiler (c++)" "install one (Debian, Ubuntu: apt install g++), then run the same command again" ;;
    esac
  done
}

# libtorch_version FOLDER: the version of the libtorch there, nothing where none can be told.
libtorch_version() {
  if [[ -f "$1/build-version" ]]; then
    head -n1 "$1/build-version"
  elif [[ -f "$1/version.py" ]]; then
    sed -n "s/^__version__ = '\(.*\)'/\1/p" "$1/version.py"
  fi
}

# Why the folder $1 is no libtorch that this program builds with; nothing where it is one.
what_is_wrong() {
  local version
  if [[ ! -f "$1/lib/libtorch_cpu.so" ]]; then
    echo "it has no lib/libtorch_cpu.so"
  elif [[ ! -d "$1/include" ]]; then
    echo "it has no headers (include/)"
  elif [[ -z "${LIBTORCH_BYPASS_VERSION_CHECK:-}" ]]; then
    version="$(libtorch_version "$1")"
    [[ "$version" == "${TORCH%.*}".* ]] || echo "it is version '${version:-unknown}', and ${TORCH%.*} is needed"
  fi
}

link_to() {
  local target="$1"
  [[ "$(readlink "$LINK" 2>/dev/null)" == "$target" ]] && return
  if [[ -e "$LINK" && ! -L "$LINK" ]]; then
    fail "$LINK is in the way: it is no link" "move it elsewhere, then run the same command again"
  fi
  ln -sfn "$target" "$LINK"
}

want_cuda() {
  case "${CONDUCTOR_LIBTORCH:-}" in
    cuda) return 0 ;;
    cpu) return 1 ;;
    "") command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU' ;;
    *) fail "CONDUCTOR_LIBTORCH is '$CONDUCTOR_LIBTORCH'" "set it to cpu or to cuda, or unset it" ;;
  esac
}

use_given() {
  local given wrong
  given="$(cd "$LIBTORCH" 2>/dev/null && pwd)" || fail "LIBTORCH is '$LIBTORCH', which is no folder" "correct it, or unset it"
  wrong="$(what_is_wrong "$given")"
  [[ -z "$wrong" ]] || fail "LIBTORCH is '$LIBTORCH', but $wrong" "set LIBTORCH to a libtorch ${TORCH%.*}, or unset it to have one installed"
  # A path through the link itself would make a link to itself.
  if [[ "$given" != "$LINK" ]]; then link_to "$given"; fi
  say "libtorch: $given (from LIBTORCH)"
}

# Whether the wheels in .venv are those that this machine wants.
is_installed() {
  local site="$VENV/lib/python3.11/site-packages"
  [[ -d "$site/torch" && -z "$(what_is_wrong "$site/torch")" ]] || return 1
  compgen -G "$site/nvidia/*/lib/libcudart.so.13" >/dev/null || return 1
  [[ "$1" == cpu ]] || compgen -G "$site/nvidia/*/lib/libcudnn.so*" >/dev/null
}

install_wheels() {
  local set="$1" again="the message above is pip's; then run the same command again"
  find_python
  if [[ "$set" == cuda ]]; then
    step "Installing libtorch $TORCH with CUDA into .venv (about 3 GB to download)"
    need_disk 9000 "$ROOT"
  else
    step "Installing libtorch $TORCH for the processor into .venv (about 0.6 GB to download)"
    need_disk 2500 "$ROOT"
  fi
  need_index "$PYTHON" nvidia-cuda-runtime
  make_venv "$VENV"
  if [[ "$set" == cuda ]]; then
    pip_install "$VENV" "$again" "torch==$TORCH"
  else
    pip_install "$VENV" "$again" --no-deps "${CPU_SET[@]}"
  fi
}

# The loader is asked before a compiler is, which would take minutes to say the same.
check_loads() {
  local log
  find_python
  if ! log="$("$PYTHON" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$LINK/lib/libtorch_cpu.so" 2>&1)"; then
    printf '%s\n' "$log" | tail -n 1 >&2
    fail "libtorch is there, but the system cannot load it" "remove .libtorch and .venv, then run the same command again"
  fi
}

check_tools
step "Setting up libtorch"
if [[ -n "${LIBTORCH:-}" ]]; then
  use_given
else
  wanted=cpu
  if want_cuda; then wanted=cuda; fi
  if ! is_installed "$wanted"; then install_wheels "$wanted"; fi
  is_installed "$wanted" || fail "the wheels are installed, but .venv holds no whole libtorch" "remove .venv, then run the same command again"
  # Relative, so that the checkout can be moved.
  link_to ".venv/lib/python3.11/site-packages/torch"
  check_loads
  say "libtorch: $(libtorch_version "$LINK") in .libtorch -> $(readlink "$LINK") ($wanted)"
fi
