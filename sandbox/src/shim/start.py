

# --- names that stand before every program -----------------------------------------------------------------------------

# What LiveCodeBench and the solutions written for it take for granted; later ones win.
STARRED = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
    " builtins typing"
).split()
NAMED = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
).split()


def table_of_names():
    """From each name to its module, and to its name there or None."""
    table = {}
    for place in STARRED:
        module = __import__(place)
        public = getattr(module, "__all__", None) or [name for name in vars(module) if name[:1] != "_"]
        table.update((name, (place, name)) for name in public if hasattr(module, name))
    table.update((place, (place, None)) for place in NAMED)
    # Already there.
    return {name: entry for name, entry in table.items() if entry[0] != "builtins"}


def filled(table):
    """The names of a table with their values."""
    names = {}
    for name, (place, inside) in table.items():
        module = __import__(place)
        names[name] = module if inside is None else getattr(module, inside)
    return names


def only_used(table):
    """Gives a program what it names, and no more: to import the rest takes time, and to touch it copies pages of the
    interpreter that this one was forked from."""

    def prelude(used):
        if used & {"eval", "exec", "globals", "vars", "locals", "compile", "getattr", "__dict__", "dir"}:
            return with_streams(filled(table))
        return with_streams(filled({name: table[name] for name in used if name in table}))

    return prelude


def with_streams(names):
    """`from sys import *` brings these too; a script has its own."""
    for name in ("stdin", "stdout", "stderr"):
        if name in names:
            names[name] = getattr(sys, name)
    return names


def settle():
    """What a Python that was started the usual way has, and ours was not."""
    builtins.exit = builtins.quit = sys.exit
    ours = sys.argv[0].rpartition("/")[0]
    sys.path[:] = [place for place in sys.path if place and place != ours] + sys.argv[2:]
    PLACES[:] = sys.path
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    # The limit of the first stack, which can be large, would be every thread's size.
    _thread.stack_size(16 << 20)


def cold(table):
    settle()
    run(Link(), only_used(table))


# --- the interpreter that others are forked from -----------------------------------------------------------------------

# What more than one in fifty programs imports or takes for granted. What is here makes every fork dearer: `threading` and
# `random` also by what they do after each, so that they are left to the programs that want them.
WARM = "bisect collections functools heapq itertools json math typing"


def warm(table):
    """Answers each request with a fork of this interpreter in the cell that is asked for. Runs no program under test itself."""
    import _socket, ctypes, os, select, struct

    settle()
    for place in WARM.split():
        __import__(place)
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, posix.dup2(3, HIGH))
    kernel = Kernel(ctypes)
    config = Config(kernel, server.recv(1 << 17), struct)
    # All but the last are ours too: what is inherited need not be compiled for each.
    kernel.prctl(38, 1)
    while len(config.filters) > 1:
        kernel.install(config.filters.pop(0))
    # What is there already is not gone through each time that the rehearsal collects.
    gc.collect()
    gc.freeze()
    rehearse(table)
    kernel.rehearse()
    atexit._clear()
    gc.collect()
    gc.freeze()
    server.send(b"U")

    # The descriptors of a program come in order, to the lowest numbers that are free: where it is to have them.
    posix.closerange(0, HIGH)
    children = {}
    poll = select.poll()
    poll.register(HIGH, select.POLLIN)
    open_for_more = True
    while open_for_more or children:
        for fd, _ in poll.poll():
            if fd in children:
                pid = children.pop(fd)
                poll.unregister(fd)
                os.close(fd)
                _, status, used = os.wait4(pid, 0)
                cpu = int((used.ru_utime + used.ru_stime) * 1e6)
                server.send(b"X" + struct.pack("=iiQQ", pid, status, cpu, used.ru_maxrss))
                continue
            message, ancillary, _, _ = server.recvmsg(1024, 128)
            if not message:
                # The server has enough of this one; programs that run are run to their end.
                open_for_more = False
                poll.unregister(HIGH)
                continue
            fds = [fd for _, _, data in ancillary for fd in struct.unpack("=%di" % (len(data) // 4), data)]
            request = Request(message, fds, struct, config)
            try:
                if request.init is not None:
                    kernel.setns(request.init, kernel.NEWPID)
                pid = os.fork()
            except OSError as error:
                pid = -(error.errno or 1)
            if pid == 0:
                enter(kernel, config, request)
                run(Link(), only_used(table))
                os._exit(1)
            if request.init is not None:
                kernel.setns(config.own_pid_ns, kernel.NEWPID)
            # Above them.
            pidfd = os.pidfd_open(pid) if pid > 0 else None
            for fd in fds:
                os.close(fd)
            if pid > 0:
                children[pidfd] = pid
                poll.register(pidfd, select.POLLIN)
                rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("=i", pidfd))]
                server.sendmsg([b"P" + struct.pack("=i", pid)], rights)
            else:
                server.send(b"P" + struct.pack("=i", pid))


class Config:
    """What holds for every program: the level's namespaces, numbers of system calls, the filters. Made ready once, so that a fork has
    little to do."""

    def __init__(self, kernel, message, struct):
        self.namespaces, own_pid_ns, self.capset = struct.unpack_from("=IiI", message)
        self.own_pid_ns = posix.dup2(own_pid_ns, HIGH + 1) if own_pid_ns >= 0 else None
        self.filters, rest = [], message[12:]
        while rest:
            (size,) = struct.unpack_from("=I", rest)
            self.filters.append(kernel.filter(rest[4 : 4 + size], struct))
            rest = rest[4 + size :]
        limit = kernel.ctypes.create_string_buffer(16)
        kernel.check(kernel.libc.getrlimit(STACK, limit))
        _, self.most_stack = struct.unpack("=QQ", limit)
        header = struct.pack("=II", 0x20080522, 0)
        self.no_capabilities = kernel.ctypes.create_string_buffer(header), kernel.ctypes.create_string_buffer(24)
        self.pack_limit = struct.Struct("=QQ").pack


# Descriptors of ours, above all that a program is given.
HIGH = 64
# As the system numbers limits: of core files, locked memory, message queues, then those that a request names.
STACK = 3
LIMITS = 4, 8, 12, 0, 1, 7, 6, STACK, 9


class Request:
    """One program's cell and limits."""

    def __init__(self, message, fds, struct, config):
        size = struct.calcsize("=BIIQQQQQQ")
        flags, self.uid, self.gid, memory, stack, cpu, file, files, processes = struct.unpack("=BIIQQQQQQ", message[:size])
        values = 0, 0, 0, cpu, file, files, processes, stack, memory
        # A program may ask for a larger first stack, as those written for judges do: memory is what bounds it.
        self.limits = [
            (limit, config.pack_limit(min(value, most), most))
            for limit, value in zip(LIMITS, values)
            if value != NO_LIMIT
            for most in [config.most_stack if limit == STACK else value]
        ]
        self.box = message[size:].decode()
        # Standard input and outputs, and the control pipes.
        self.own = fds[:5]
        rest = fds[5:]
        self.rules = rest.pop(0) if flags & 1 else None
        self.init = rest.pop(0) if flags & 2 else None
        self.groups = rest


class Kernel:
    """Calls that Python's own modules do not have."""

    NEWPID = 0x2000_0000

    def __init__(self, ctypes):
        self.ctypes = ctypes
        # With the lock held: nothing else runs here, and a call is cheaper so.
        self.libc = ctypes.PyDLL(None, use_errno=True)
        self.last = ctypes.c_uint(SAME)

    def check(self, returned):
        if returned < 0:
            number = self.ctypes.get_errno()
            raise OSError(number, posix.strerror(number))

    def setns(self, fd, flags):
        self.check(self.libc.setns(fd, flags))

    def prctl(self, option, value=0, pointer=None):
        self.check(self.libc.prctl(option, value, pointer, 0, 0))

    def filter(self, code, struct):
        """A filter of system calls as the kernel takes it, and what it points to."""
        held = self.ctypes.create_string_buffer(code, len(code))
        program = struct.pack("@HP", len(code) // 8, self.ctypes.addressof(held))
        return self.ctypes.create_string_buffer(program), held

    def install(self, filter):
        self.prctl(22, 2, filter[0])

    def syscall(self, number, *arguments):
        self.check(self.libc.syscall(number, *arguments))

    def rehearse(self):
        """Calls that a fork makes, where there is nothing for them to do: see `rehearse`."""
        for _ in range(OFTEN):
            self.syscall(436, 4 * HIGH, self.last, 0)
            self.prctl(38, 1)
            self.check(self.libc.setrlimit(LIMITS[0], bytes(16)))


# The value that stands for "as it is".
SAME = 0xFFFF_FFFF
NO_LIMIT = 0xFFFF_FFFF_FFFF_FFFF


def enter(kernel, config, request):
    """This fork becomes a process of the cell."""
    stage = "control groups"
    try:
        for fd in request.groups:
            posix.write(fd, b"0")
        if request.init is not None:
            stage = "namespaces"
            kernel.setns(request.init, config.namespaces)
        stage = "descriptors"
        if request.own != [0, 1, 2, 3, 4]:
            raise OSError("they came as " + str(request.own))
        if request.rules is not None:
            posix.dup2(request.rules, 5)
        kernel.syscall(436, 5 if request.rules is None else 6, kernel.last, 0)
        stage = "user"
        posix.setsid()
        if request.uid != SAME:
            if request.init is None:
                posix.setgroups([])
            posix.setresgid(*[request.gid] * 3)
            posix.setresuid(*[request.uid] * 3)
        stage = "folder"
        posix.chdir(request.box)
        if request.box != BOX:
            import os

            os.environ["HOME"] = os.environ["TMPDIR"] = request.box
        stage = "limits"
        for limit, pair in request.limits:
            kernel.check(kernel.libc.setrlimit(limit, pair))
        stage = "capabilities"
        kernel.syscall(config.capset, *config.no_capabilities)
        kernel.prctl(1, 9)
        kernel.prctl(38, 1)
        if request.rules is not None:
            stage = "Landlock"
            kernel.syscall(446, 5, 0)
            posix.close(5)
        stage = "filter of system calls"
        for filter in config.filters:
            kernel.install(filter)
    except BaseException as error:
        Link(*request.own[3:]).fail(b"B", None, stage + ": " + str(error))


# So that a program finds nothing of ours under a name that it can import.
sys.modules["__main__"] = module_type("__main__")
if sys.argv[1] == "warm":
    warm(TABLE)
else:
    cold(TABLE)
