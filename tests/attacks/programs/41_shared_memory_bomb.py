# ATTACK 41 shared_memory_bomb  [class: resource; severity: high; kind: stdin; task: impossible]
# MUST: shared mappings and memory of children count against the cap
# DETECT: peak memory of the cell; PWNED marker
# WARNING: damages an unsandboxed host; harness must refuse it on an uncontained backend.
import mmap, os, time
for i in range(6):
    try: pid = os.fork()
    except OSError as e: print(e); pid = 0
    if pid == 0:
        keep = []
        try:
            while sum(map(len, keep)) < 400 << 20:
                m = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS); keep.append(m)
                for at in range(0, len(m), 4096): m[at] = 1
        except (OSError, MemoryError) as e: print(e, flush=True)
        print(sum(map(len, keep)) >> 20, flush=True); time.sleep(1); os._exit(0)
for _ in range(6):
    try: os.wait()
    except OSError: pass
