#!/usr/bin/env bash
# Serves three small language models on this machine behind one OpenAI-compatible endpoint, for live workers.
#
#   scripts/local_pool.sh          builds llama-cpp-python's server into .pool-venv (6 minutes on two cores, once),
#                                  brings the models (1.7 GB, once), starts the server and waits until it answers
#   scripts/local_pool.sh stop     stops it
#
# The server listens on 127.0.0.1 only. It holds one model in memory at a time and answers one request at a time.
#
# CONDUCTOR_POOL_PORT      default 8801, which configs/pools/local.toml names
# CONDUCTOR_POOL_THREADS   default all cores; the shipped recording was made with 2
# PYTHON                   the Python 3.11 to use
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VENV="$ROOT/.pool-venv"
PORT="${CONDUCTOR_POOL_PORT:-8801}"
THREADS="${CONDUCTOR_POOL_THREADS:-$(nproc)}"
PID_FILE="$VENV/server.pid"
LOG="$VENV/server.log"
URL="http://127.0.0.1:$PORT/v1"
# In alphabetical order.
MODELS="qwen2.5-coder-0.5b qwen2.5-coder-1.5b smollm2-135m"

check_settings() {
  [[ "$PORT" =~ ^[0-9]+$ ]] || fail "CONDUCTOR_POOL_PORT is '$PORT', which is no port" "set it to a number, or unset it"
  [[ "$THREADS" =~ ^[1-9][0-9]*$ ]] || fail "CONDUCTOR_POOL_THREADS is '$THREADS'" "set it to a number from 1, or unset it"
}

# The id of our running server, nothing where there is none: an id alone may have passed to another process.
server_pid() {
  local pid
  pid="$(cat "$PID_FILE" 2>/dev/null)" || return 0
  if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q 'llama_cpp\.server'; then echo "$pid"; fi
}

# What the port answers: "closed", "busy" (it is open, and no list of models came in time), or the models' names.
# A server that is writing an answer lists its models only when it is done.
port_answers() {
  "$VENV/bin/python" - "$URL/models" "$1" <<'PY'
import json, sys, urllib.error, urllib.request

# Without proxies: they have no business between a machine and itself.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    models = json.load(opener.open(sys.argv[1], timeout=float(sys.argv[2])))["data"]
    print(" ".join(sorted(model["id"] for model in models)))
except urllib.error.URLError as error:
    print("closed" if isinstance(error.reason, ConnectionRefusedError) else "busy")
except (OSError, ValueError, KeyError, TypeError):
    print("busy")
PY
}

# Whether the smallest model writes a token.
one_token() {
  "$VENV/bin/python" - "$URL/chat/completions" <<'PY'
import json, sys, urllib.request

body = {"model": "smollm2-135m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
request = urllib.request.Request(sys.argv[1], json.dumps(body).encode(), {"Content-Type": "application/json"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    json.load(opener.open(request, timeout=120))["choices"][0]
except (OSError, ValueError, KeyError, IndexError):
    sys.exit(1)
PY
}

install_server() {
  if "$VENV/bin/python" -c 'import llama_cpp.server.app, importlib.metadata as m, sys; sys.exit(m.version("llama-cpp-python") != "0.3.36")' 2>/dev/null; then
    say "llama-cpp-python 0.3.36 is in .pool-venv"
    return
  fi
  step "Building llama-cpp-python 0.3.36 into .pool-venv (6 minutes on two cores)"
  find_python
  command -v c++ >/dev/null || fail "there is no C++ compiler (c++)" "install one (Debian, Ubuntu: apt install g++), then run the same command again"
  need_disk 1500 "$ROOT"
  need_index "$PYTHON" llama-cpp-python
  make_venv "$VENV"
  # ggml builds for the very processor that it finds, and takes AMX where that is there, in which it crashed on a virtual
  # Xeon. A build for processors with AVX2 runs on both, and its answers repeat on more machines.
  local build="-DGGML_NATIVE=OFF"
  if [[ "$(uname -m)" == x86_64 ]] && ! grep -qw avx2 /proc/cpuinfo; then build=""; fi
  # CMake and Ninja come from the index with the build, so that the machine need not have them. pip would take a build that it
  # made with other settings from its cache.
  CMAKE_ARGS="${CMAKE_ARGS:-$build}" pip_install "$VENV" "the message above is the build's; then run the same command again" \
    --no-cache-dir "llama-cpp-python[server]==0.3.36"
}

write_config() {
  "$VENV/bin/python" - "$ROOT" "$PORT" "$THREADS" >"$VENV/server.json" <<'PY'
import json, sys
root, port, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
models = ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]
print(json.dumps({
    "host": "127.0.0.1",
    "port": port,
    "models": [{
        "model": f"{root}/models/{name}-instruct.gguf",
        "model_alias": name,
        "n_ctx": 2048,
        "n_threads": threads,
        "n_threads_batch": threads,
        "seed": 0,
        "verbose": False,
    } for name in models],
}, indent=2))
PY
}

start_server() {
  local waited=0
  step "Starting the server on port $PORT"
  # Its own session: Ctrl-C in this terminal is not meant for it.
  setsid nohup "$VENV/bin/python" -m llama_cpp.server --config_file "$VENV/server.json" >"$LOG" 2>&1 </dev/null &
  echo $! >"$PID_FILE"
  while [[ "$(port_answers 5)" != "$MODELS" ]]; do
    sleep 1
    waited=$((waited + 1))
    if ((waited > 2)) && [[ -z "$(server_pid)" ]]; then
      tail -n 15 "$LOG" >&2
      fail "the server ended while starting" "see the end of ${LOG#"$ROOT"/} above, then run the same command again"
    fi
    ((waited < 180)) || fail "the server does not answer after 3 minutes" "see ${LOG#"$ROOT"/}, then scripts/local_pool.sh stop"
  done
  # It lists models before it has multiplied anything.
  if ! one_token; then
    tail -n 15 "$LOG" >&2
    [[ -n "$(server_pid)" ]] || fail "the server crashed at its first answer" "rm -r ${VENV#"$ROOT"/}, and build it again with this command"
    fail "the server gives no answer" "see ${LOG#"$ROOT"/}, then scripts/local_pool.sh stop"
  fi
}

stop_server() {
  local pid
  pid="$(server_pid)"
  if [[ -n "$pid" ]]; then
    kill "$pid"
    say "server $pid stopped"
  else
    say "no server of this checkout is running"
  fi
  rm -f "$PID_FILE"
}

print_next() {
  cat >&2 <<TEXT

The local pool answers on $URL: $MODELS
 next: target/release/conductor pool record --help     record its answers (configs/pools/local.toml)
       target/release/conductor train local-pool       train against it live
       scripts/local_pool.sh stop                      stop it
TEXT
}

start() {
  local answer=closed
  local elsewhere="stop it, or take another port: CONDUCTOR_POOL_PORT=8802 make local-pool, and the same port in the base_url of the pool's workers"
  step "Local pool"
  if [[ -x "$VENV/bin/python" ]]; then answer="$(port_answers 60)"; fi
  case "$answer" in
    "$MODELS") say "a server with the three models already answers on port $PORT" ;;
    closed)
      install_server
      answer="$(port_answers 5)"
      [[ "$answer" == closed ]] || fail "port $PORT is taken by another program" "$elsewhere"
      "$ROOT/scripts/fetch_models.sh" --all
      write_config
      start_server
      ;;
    busy)
      [[ -n "$(server_pid)" ]] || fail "port $PORT is taken by a program that lists no models within a minute" "$elsewhere"
      say "the server is running, and busy with an answer"
      ;;
    *) fail "port $PORT is taken by a server with other models: $answer" "$elsewhere" ;;
  esac
  print_next
}

check_settings
case "${1:-start}" in
  start) start ;;
  stop) stop_server ;;
  *) fail "unknown argument '$1'" "scripts/local_pool.sh takes stop or nothing" ;;
esac
