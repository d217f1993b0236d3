# ATTACK 63 children_for_the_parent  [class: exhaust; severity: high; kind: stdin; task: impossible]
# MUST: a child made for its maker's parent (CLONE_PARENT) leaves nothing that keeps the cell, or another program, from going on
# DETECT: later programs and controls have their verdicts
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x8000 | 17, 0x8000, 0x8000 | 0x100 | 0x4000 | 17):
    if libc.syscall(56 if os.uname().machine == "x86_64" else 220, flags, 0, 0, 0, 0) == 0:
        os._exit(0)
print("cloned")
