# Hostile programs in small, run at every start. Each begins with a line of its name and how it must end; what it prints after
# PWNED is a breach. CANARY stands for a folder of the machine's, PORT for a port that listens, NAME for an abstract socket.
#: reads a file of the machine | finished
import os
for path in ("CANARY/secret.txt", "/etc/passwd", "/proc/self/environ", "/proc/1/environ", "/sys/kernel", "/dev/mem"):
    try:
        found = open(path).read() if not os.path.isdir(path) else os.listdir(path)
        print("PWNED:read", path, found)
    except OSError:
        pass
#: changes a file of the machine | finished
import os
def attempt(name, f):
    try:
        f()
        print("PWNED:" + name)
    except OSError:
        pass
attempt("append", lambda: open("CANARY/secret.txt", "a").write("x"))
attempt("create", lambda: open("CANARY/new", "w").write("x"))
attempt("truncate", lambda: os.truncate("CANARY/secret.txt", 0))
attempt("chmod", lambda: os.chmod("CANARY/secret.txt", 0o777))
attempt("rename", lambda: os.rename("CANARY/secret.txt", "CANARY/moved"))
attempt("unlink", lambda: os.unlink("CANARY/secret.txt"))
#: finds an open descriptor or a variable of ours | finished
import os, stat
for fd in range(4, 256):
    try:
        kind = os.fstat(fd).st_mode
    except OSError:
        continue
    if stat.S_ISDIR(kind) or stat.S_ISSOCK(kind) or os.fstat(fd).st_dev != os.stat(".").st_dev and stat.S_ISREG(kind):
        print("PWNED:descriptor", fd)
for name, value in os.environ.items():
    if "KEY" in name or "TOKEN" in name or "SECRET" in name:
        print("PWNED:variable", name)
#: reaches a socket | finished
import socket
def attempt(name, f):
    try:
        f()
        print("PWNED:" + name)
    except OSError:
        pass
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", PORT), 1))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT)))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\0NAME"))
attempt("bind", lambda: socket.socket().bind(("0.0.0.0", 0)))
attempt("datagram pair", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", "\0NAME"))
#: asks for privileges | finished
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(39, 0, 0, 0, 0) == 0:
    print("PWNED:no_new_privs is not set")
for name, flags in (("user", 0x10000000), ("mount", 0x20000), ("network", 0x40000000)):
    if libc.unshare(flags) == 0:
        print("PWNED:unshare", name)
if libc.mount(b"none", b"/dev", b"tmpfs", 0, None) == 0:
    print("PWNED:mount")
for user in (0, 1, 65534):
    try:
        if os.getuid() != user:
            os.setuid(user)
            print("PWNED:setuid", user)
    except OSError:
        pass
#: asks the kernel for what it should not have | finished
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(256)
x86 = platform.machine() == "x86_64"
for name, number in (
    ("io_uring_setup", 425), ("bpf", 321 if x86 else 280), ("ptrace", 101 if x86 else 117), ("keyctl", 250 if x86 else 219),
    ("memfd_create", 319 if x86 else 279), ("userfaultfd", 323 if x86 else 282), ("perf_event_open", 298 if x86 else 241),
    ("pidfd_open", 434), ("process_vm_readv", 310 if x86 else 270), ("open_by_handle_at", 304 if x86 else 265),
):
    if libc.syscall(number, room, 0, 0, 0, 0, 0) >= 0 or ctypes.get_errno() not in (1, 38):
        print("PWNED:" + name, ctypes.get_errno())
#: calls by another convention | any
import ctypes, mmap, platform
if platform.machine() == "x86_64":
    def run(code):
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(code)
        return ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if run(b"\xb8\x27\x00\x00\x40\x0f\x05\xc3") > 0:
        print("PWNED:x32", flush=True)
    if run(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3") > 0:
        print("PWNED:int 0x80", flush=True)
#: kills everything | any
import os, signal
try:
    os.kill(os.getppid() or 1, signal.SIGKILL)
except OSError:
    pass
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
#: starts processes without end | any
import os, time
count = 0
try:
    while count < 200:
        if os.fork() == 0:
            # Idle, so that they do not hold up what counts them.
            time.sleep(1000)
        count += 1
except OSError:
    pass
if count > 100:
    print("PWNED:processes", count)
#: takes all memory | memory_limit runtime_error
kept = []
while len(kept) < 1000:
    kept.append(bytearray(b"x" * (1 << 20)))
print("PWNED:memory")
#: writes without end | output_limit
import os
while True:
    os.write(1, b"A" * 65536)
#: runs without end | time_limit
import signal
signal.alarm(0)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
#: leaves before it has answered | runtime_error
import os
class Solution:
    def solve(self, a):
        os._exit(0)
#: is honest | finished
a, b = map(int, input().split())
print(a + b)
