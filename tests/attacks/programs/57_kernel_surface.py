# ATTACK 57 kernel_surface  [class: kernel; severity: hardening; kind: stdin; task: impossible]
# MUST: calls that open much of the kernel are refused
# DETECT: PWNED marker
import ctypes
l = ctypes.CDLL(None, use_errno=True)
for n, nr, args in (("bpf", 321, (0, 0, 0)), ("perf_event_open", 298, (0, 0, -1, -1, 0)), ("userfaultfd", 323, (1,)), ("init_module", 175, (0, 0, 0)), ("finit_module", 313, (0, 0, 0)), ("add_key", 248, (0, 0, 0, 0, 0)), ("request_key", 249, (0, 0, 0, 0)), ("memfd_secret", 447, (0,)), ("fanotify_init", 300, (0, 0)), ("lookup_dcookie", 212, (0, 0, 0)), ("iopl", 172, (3,)), ("ioperm", 173, (0, 8, 1)), ("modify_ldt", 154, (0, 0, 0)), ("kcmp", 312, (1, 1, 0, 0, 0)), ("process_madvise", 440, (0, 0, 0, 0, 0)), ("syslog", 103, (3, 0, 0))):
    buf = ctypes.create_string_buffer(256)
    r = l.syscall(nr, *[buf if a == 0 else a for a in args]); e = ctypes.get_errno()
    # Any answer but a refusal means that the kernel looked at the arguments.
    print("PWNED:" + n if r >= 0 or e not in (1, 38) else "blocked", n, r, e)
