#!/usr/bin/env bash
# Trains and evaluates a preset under several seeds and prints the rows of docs/benchmarks.md.
#
#   scripts/seeds.sh PRESET [SEED...]        default: 0 1 2
#
# Runs lie in runs/PRESET-seed-N; what is finished is not done again. CONDUCTOR names the program.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

CONDUCTOR="${CONDUCTOR:-${CARGO_TARGET_DIR:-target}/release/conductor}"
preset="${1:-}"
[[ -n "$preset" ]] || fail "no preset was named" "scripts/seeds.sh quickstart 0 1 2"
shift
[[ -x "$CONDUCTOR" ]] || fail "there is no program at $CONDUCTOR" "make build"
seeds=("$@")
if ((${#seeds[@]} == 0)); then seeds=(0 1 2); fi

reports=()
for seed in "${seeds[@]}"; do
  name="$preset-seed-$seed"
  step "Seed $seed"
  began=$SECONDS
  "$CONDUCTOR" train "$preset" --set "run.seed=$seed" --set "run.name=$name"
  say "training: $((SECONDS - began)) s in this call"
  "$CONDUCTOR" eval "runs/$name" --json >"runs/$name/eval.json.partial"
  mv "runs/$name/eval.json.partial" "runs/$name/eval.json"
  reports+=("runs/$name/eval.json")
done
python3 "$ROOT/scripts/seeds_table.py" "${reports[@]}"
