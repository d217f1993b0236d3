# ATTACK 11 shared_names  [class: cross-run; severity: high; kind: stdin; task: impossible]
# MUST: no file, named semaphore, abstract socket or lock of one run is seen in the next
# DETECT: run twice; PWNED marker in the second run
import os, socket
marks = [os.path.join(d, "atk_left_mark") for d in (".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), "/run/lock")]
# All are looked for before any is made: two of the folders may be one.
for p in marks:
    if os.path.exists(p): print("PWNED:file", p)
for p in marks:
    try: open(p, "w").write("mark"); print("wrote", p)
    except OSError as e: print("blocked", p, e.errno)
s = socket.socketpair()[0] if hasattr(socket, "socketpair") else None
try:
    s = socket.socket(socket.AF_UNIX)
    try: s.connect("\0atk_left_name"); print("PWNED:abstract socket")
    except OSError as e: print("blocked", e.errno)
    s = socket.socket(socket.AF_UNIX); s.bind("\0atk_left_name"); s.listen()
    if os.fork() == 0:
        import time; time.sleep(30)
except OSError as e: print("blocked", e.errno)
