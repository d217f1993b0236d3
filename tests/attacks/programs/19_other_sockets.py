# ATTACK 19 other_sockets  [class: network; severity: high; kind: stdin; task: impossible]
# MUST: no family of sockets that reaches the kernel's or the hypervisor's back doors
# DETECT: PWNED marker
import ctypes
l = ctypes.CDLL(None, use_errno=True)
for n, family in (("netlink", 16), ("packet", 17), ("vsock", 40), ("alg", 38), ("bluetooth", 31), ("can", 29), ("tipc", 30), ("xdp", 44), ("smc", 43), ("qipcrtr", 42), ("key", 15), ("kcm", 41)):
    for kind in (1, 2, 3, 5):
        r = l.socket(family, kind, 0)
        if r >= 0: print("PWNED:socket", n, kind)
    print(n, ctypes.get_errno())
