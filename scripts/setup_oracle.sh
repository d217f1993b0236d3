#!/usr/bin/env bash
# Brings the programs that tests compare this one with into .oracle-venv: transformers, PEFT and TRL on PyTorch.
#
#   scripts/setup_oracle.sh
#
# Optional: their results are committed as fixtures, which the tests use in any case. With this environment, the tests
# that compare live run too. PYTHON names the Python 3.11 to use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VENV="$ROOT/.oracle-venv"
# With all of PyTorch's own needs: unlike libtorch's processor part, `import torch` wants every CUDA library.
PACKAGES=(torch==2.11.0 transformers==5.23.0 gguf==0.19.0 peft==0.21.2 trl==1.16.0 accelerate==1.15.0 safetensors==0.8.0)

step "Oracle"
if "$VENV/bin/python" -c 'import torch, transformers, gguf, peft, trl' 2>/dev/null; then
  say "transformers, PEFT and TRL are in .oracle-venv"
  exit 0
fi
find_python
need_disk 9000 "$ROOT"
need_index "$PYTHON" transformers
make_venv "$VENV"
step "Installing transformers, PEFT and TRL into .oracle-venv (about 3 GB to download)"
pip_install "$VENV" "the message above is pip's; then run the same command again" "${PACKAGES[@]}"
say "transformers, PEFT and TRL are in .oracle-venv"
