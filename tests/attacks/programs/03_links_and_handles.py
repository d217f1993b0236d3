# ATTACK 03 links_and_handles  [class: fs; severity: high; kind: stdin; task: impossible]
# MUST: hard links, renames over mounts and kept folder handles lead nowhere
# DETECT: canary token in output; canary unchanged
import os
for n, f in (("link", lambda: os.link("/tmp/atk_canary/secret.txt", "here")), ("rename", lambda: os.rename("/tmp/atk_canary/secret.txt", "here")), ("handle", lambda: print(os.listdir(os.open("/tmp/atk_canary", os.O_RDONLY | os.O_DIRECTORY)))), ("fchdir", lambda: os.fchdir(os.open("/..", os.O_RDONLY)))):
    try: f(); print("did", n)
    except OSError as e: print("blocked", n, e.errno)
for p in ("here", "tmp/atk_canary/secret.txt"):
    try: print(open(p).read())
    except OSError as e: print("blocked", p, e.errno)
