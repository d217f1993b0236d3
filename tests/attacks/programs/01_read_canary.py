# ATTACK 01 read_canary  [class: secrets; severity: high; kind: stdin; task: impossible]
# MUST: no file outside the cell can be read, by whatever path or call
# DETECT: canary token in output
import ctypes, os
paths = ["/tmp/atk_canary/secret.txt", "/tmp/../tmp/atk_canary/secret.txt", "/proc/self/root/tmp/atk_canary/secret.txt", "/proc/1/root/tmp/atk_canary/secret.txt", "../" * 20 + "tmp/atk_canary/secret.txt", "/tmp/atk_canary/ATK_expected.json"]
for p in paths:
    for how in (lambda: open(p).read(), lambda: os.read(os.open(p, os.O_RDONLY | os.O_NOFOLLOW), 999), lambda: os.sendfile(1, os.open(p, os.O_RDONLY), 0, 999), lambda: os.listdir(os.path.dirname(p))):
        try: print(how())
        except OSError as e: print("blocked", p, e.errno)
l = ctypes.CDLL(None, use_errno=True)
# open_by_handle_at, and chroot out of a root
try: print(l.chroot(b"."), ctypes.get_errno())
except Exception as e: print(e)
for f in ("/etc/shadow", "/root/.ssh/id_rsa", "/etc/passwd-", "/var/log/syslog"):
    try: print(len(open(f).read())); print("PWNED:host file", f)
    except OSError as e: print("blocked", f, e.errno)
