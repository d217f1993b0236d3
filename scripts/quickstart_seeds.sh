#!/usr/bin/env bash
# Trains and evaluates the quick start under several seeds and prints the rows of docs/benchmarks.md.
#
#   scripts/quickstart_seeds.sh [SEED...]        default: 0 1 2
#
# Runs lie in runs/quickstart-seed-N; what is finished is not done again. CONDUCTOR names the program.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

CONDUCTOR="${CONDUCTOR:-${CARGO_TARGET_DIR:-target}/release/conductor}"
[[ -x "$CONDUCTOR" ]] || fail "there is no program at $CONDUCTOR" "make build"
seeds=("$@")
if ((${#seeds[@]} == 0)); then seeds=(0 1 2); fi

reports=()
for seed in "${seeds[@]}"; do
  name="quickstart-seed-$seed"
  step "Seed $seed"
  began=$SECONDS
  "$CONDUCTOR" train quickstart --set "run.seed=$seed" --set "run.name=$name"
  say "training: $((SECONDS - began)) s in this call"
  "$CONDUCTOR" eval "runs/$name" --json >"runs/$name/eval.json.partial"
  mv "runs/$name/eval.json.partial" "runs/$name/eval.json"
  reports+=("runs/$name/eval.json")
done
python3 "$ROOT/scripts/quickstart_table.py" "${reports[@]}"
