# ATTACK 09 ptrace  [class: escape; severity: high; kind: stdin; task: impossible]
# MUST: no process can be traced, read or written from inside, a child of the program's own included
# DETECT: PWNED marker
import ctypes, os
l = ctypes.CDLL(None, use_errno=True)
for t in (os.getppid(), 1, 2):
    r = l.ptrace(16, t, None, None); print("PWNED:attach" if r == 0 else f"blocked {ctypes.get_errno()}", t)
    r = l.ptrace(0x4206, t, None, None); print("PWNED:seize" if r == 0 else f"blocked {ctypes.get_errno()}", t)
    buf = ctypes.create_string_buffer(64); iov = (ctypes.c_uint64 * 2)(ctypes.addressof(buf), 64); far = (ctypes.c_uint64 * 2)(0x400000, 64)
    r = l.syscall(310, t, iov, 1, far, 1, 0); print("PWNED:process_vm_readv" if r > 0 else f"blocked {ctypes.get_errno()}", t)
    r = l.syscall(434, t, 0); print("pidfd", r, ctypes.get_errno())
    if r >= 0 and l.syscall(438, r, 1, 0) >= 0: print("PWNED:pidfd_getfd", t)
r = l.ptrace(0, 0, None, None); print("PWNED:traceme" if r == 0 else f"blocked {ctypes.get_errno()}")
