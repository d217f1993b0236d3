# ATTACK 13 mount  [class: kernel; severity: high; kind: stdin; task: impossible]
# MUST: nothing can be mounted, unmounted, pivoted or joined, by the old calls or the new ones
# DETECT: PWNED marker
import ctypes, os
l = ctypes.CDLL(None, use_errno=True)
os.makedirs("m", exist_ok=True)
def t(n, r): print("PWNED:" + n if r >= 0 else f"blocked {n} {ctypes.get_errno()}")
t("mount tmpfs", l.mount(b"none", b"m", b"tmpfs", 0, None))
t("mount proc", l.mount(b"none", b"m", b"proc", 0, None))
t("bind", l.mount(b"/", b"m", None, 4096, None))
t("remount", l.mount(None, b"/", None, 32 | 4096, None))
t("umount", l.umount2(b"/tmp", 2))
t("pivot_root", l.syscall(155, b".", b"."))
t("chroot", l.chroot(b"m"))
for n, nr in (("open_tree", 428), ("move_mount", 429), ("fsopen", 430), ("fsmount", 432), ("mount_setattr", 442), ("name_to_handle_at", 303), ("open_by_handle_at", 304), ("setns", 308), ("kexec_load", 246), ("swapon", 167), ("sethostname", 170), ("settimeofday", 164), ("reboot", 169), ("acct", 163), ("quotactl", 179)):
    t(n, l.syscall(nr, 0, 0, 0, 0, 0))
