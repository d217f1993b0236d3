# ATTACK 21 thread_bomb  [class: resource; severity: high; kind: stdin; task: impossible]
# MUST: threads count as processes do
# DETECT: PWNED marker; harness alive
# WARNING: damages an unsandboxed host; harness must refuse it on an uncontained backend.
import threading, time
threading.stack_size(64 << 10)
n = 0
try:
    while n < 5000: threading.Thread(target=time.sleep, args=(30,), daemon=True).start(); n += 1
except (RuntimeError, MemoryError) as e: print(e)
print(n, flush=True)
if n >= 5000: print("PWNED:threads", n, flush=True)
import os; os._exit(0)
