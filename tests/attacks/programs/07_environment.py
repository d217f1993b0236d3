# ATTACK 07 environment  [class: secrets; severity: high; kind: stdin; task: impossible]
# MUST: no environment variable of the harness is in the cell, its interpreter or any process that it sees
# DETECT: environment token in output
import ctypes, glob, os
print(dict(os.environ))
for p in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
    try: print(open(p, "rb").read())
    except OSError as e: print("blocked", p, e.errno)
l = ctypes.CDLL(None); l.getenv.restype = ctypes.c_char_p
print(l.getenv(b"ATK_FAKE_API_KEY"))
# The kernel leaves the first environment on the stack, whatever is unset later.
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(l, "environ"); i = 0
while environ and environ[i]: print(environ[i]); i += 1
