# Runs one program under test, in its cell. Who writes to file descriptor 3 and reads from 4 feeds tests one by one and
# takes what the program made of each; it trusts nothing that is said here. Both are pipes, so that the program finds no
# socket; standard input is a file that is written anew for each test, and open for reading only.
#
# Frames, both ways: a letter, four bytes of length (big-endian), so many bytes.
#   we say H (ready)                          they say  J: form, mode, name, prelude, source
#   we say R (the program is there)           they say  for each test
#     I, its input being on descriptor 0        we say  D (done; its output is on descriptor 1)
#     O and its input                           we say  S and the output
#     A and arguments as JSON                   we say  V and the value
#     T and tests that raise                    we say  D; they say W and a word nobody could know; we say N and the word
# D has a byte: 1 where this process is used up, so that the next test needs another.
# Failures, which end the process: C it does not compile, E the name is not defined, X it raised, Q it left with a status,
# M memory, O the value is too large, A an assertion failed, Y the tests do not compile, B our own set-up failed.
import _io, atexit, builtins, gc, posix, sys, _thread

# A program that replaces builtins replaces them for itself only. Every piece of code that is run for one is given the
# real module by name, or it would get this copy.
__builtins__ = dict(vars(builtins))

BOX = "/box"
RECURSION = 50_000
STORE_ATTR, EXTENDED_ARG = OPCODES
DEEPEST = 256
# Fits into what the other side listens to.
LONGEST_DETAIL = 2000
module_type = type(sys)
function_type = type(lambda: None)


class Leave(BaseException):
    pass


class Link:
    """The control pipes, through functions that a program cannot replace for us."""

    def __init__(self, here=3, there=4):
        self.read, self.write, self.leave = posix.read, posix.write, posix._exit
        self.here, self.there = here, there
        self.who, self.own = posix.getpid, posix.getpid()

    def take(self, count):
        parts = []
        while count:
            part = self.read(self.here, min(count, 1 << 20))
            if not part:
                self.leave(0)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def hear(self):
        """A letter and its bytes."""
        head = self.take(5)
        return head[:1], self.take(int.from_bytes(head[1:], "big"))

    def say(self, kind, data=b""):
        if self.is_child():
            # It came to the end of what its parent was to do, and does not speak for it.
            self.leave(0 if kind in b"DVSN" else 1)
        data = memoryview(kind + len(data).to_bytes(4, "big") + data)
        while data:
            data = data[self.write(self.there, data) :]

    def is_child(self):
        return self.who() != self.own

    def fail(self, kind, error=None, detail=""):
        """Says what went wrong and leaves."""
        try:
            if error is not None:
                detail = type(error).__name__ + ": " + str(error)[:1000]
            data = detail.encode("utf-8", "replace")[:LONGEST_DETAIL]
        except BaseException:
            data = b""
        try:
            self.say(kind, data)
        finally:
            self.leave(1)


def run(link, prelude):
    """Everything that happens to one program. `prelude` gives names to a dictionary for a piece of code."""
    link.say(b"H")
    _, job = link.hear()
    fields = []
    while job:
        size = int.from_bytes(job[:4], "big")
        fields.append(job[4 : 4 + size])
        job = job[4 + size :]
    form, mode, name, before, source = [field.decode("utf-8", "replace") for field in fields]
    if "tempfile" in source:
        # Without names for files, where there are none to be had, the folder cannot be found out by trying.
        import tempfile

        tempfile.tempdir = posix.getcwd()
    try:
        if form == "asserted":
            asserted(link, name, before, source)
        elif mode == "official":
            official(link, prelude, form, name, source)
        elif form == "stdin":
            scripts(link, prelude, source)
        else:
            calls(link, prelude, name, source)
    except MemoryError as error:
        link.fail(b"M", error)
    except BaseException as error:
        link.fail(b"X", error)


def compiled(link, source, name="main.py"):
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except MemoryError as error:
        link.fail(b"M", error)
    except BaseException as error:
        link.fail(b"C", error)


def pieces_of(code):
    """A piece of code and every one that is defined in it."""
    pieces, kind = [code], type(code)
    for piece in pieces:
        pieces.extend([constant for constant in piece.co_consts if type(constant) is kind])
    return pieces


def names_in(pieces):
    """Every name that they use, but for local variables."""
    return set().union(*[piece.co_names for piece in pieces])


# --- native: scripts ---------------------------------------------------------------------------------------------------


def scripts(link, prelude, source):
    code = compiled(link, source)
    pieces = pieces_of(code)
    used = names_in(pieces)
    names = prelude(used)
    kept = Kept(pieces, used)
    link.say(b"R")
    while True:
        link.hear()
        kept.restore()
        outcome = script(code, names, "__del__" in used)
        if kept.careful and link.is_child():
            link.leave(status_of(outcome))
        if outcome is not None:
            link.fail(*outcome)
        # Also, what closes a descriptor of ours late would do so in the midst of the next test.
        kept.collect()
        spent = kept.used_up()
        link.say(b"D", b"\1" if spent else b"\0")
        if spent:
            link.leave(0)


def stream(fd, mode, name):
    raw = _io.FileIO(fd, mode, closefd=False)
    raw.name = name
    if mode == "rb":
        text = _io.TextIOWrapper(_io.BufferedReader(raw), encoding="utf-8", errors="surrogateescape")
    else:
        errors = "backslashreplace" if fd == 2 else "surrogateescape"
        text = _io.TextIOWrapper(_io.BufferedWriter(raw), encoding="utf-8", errors=errors, line_buffering=fd == 2)
    text.mode = mode[0]
    return text


def script(code, names, finalizers=False):
    """Runs it once as Python runs a script; None, or what to say of its failure. Where it has `finalizers` of its own, they find
    the names of the script as they were, as they do at the end of an interpreter."""
    main = module_type("__main__")
    space = main.__dict__
    space.update(names)
    space["__name__"] = "__main__"
    space["__file__"] = BOX + "/main.py"
    space["__builtins__"] = builtins
    sys.modules["__main__"] = main
    sys.argv = ["main.py"]
    sys.setrecursionlimit(RECURSION)
    own = streams()
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__ = own
    outcome = None
    try:
        exec(code, space)
    except BaseException as error:
        outcome = of_error(error)
    outcome = ended(own) or outcome
    if finalizers:
        sys.modules["__main__"] = module_type("__main__")
        del main, space
        gc.collect()
    else:
        space.clear()
    # What the program put in their place goes now, with the descriptors that it closes.
    sys.stdin = sys.stdout = sys.stderr = sys.__stdin__ = sys.__stdout__ = sys.__stderr__ = None
    try:
        # What its objects said as they went.
        own[1].flush()
    except (ValueError, OSError):
        pass
    return outcome


streams_before = [None, None, None]


def streams():
    """Standard input and outputs as a script finds them. Ones that no script has touched but to read and to write serve the
    next test too."""
    for fd, name in enumerate(("<stdin>", "<stdout>", "<stderr>")):
        before = streams_before[fd]
        try:
            untouched = before is not None and settings(before[0]) == before[1] and before[0].__dict__ == before[2]
            if untouched and fd == 0:
                before[0].seek(0)
        except BaseException:
            untouched = False
        if not untouched:
            made = stream(fd, "wb" if fd else "rb", name)
            streams_before[fd] = made, settings(made), dict(made.__dict__)
    return [before[0] for before in streams_before]


def settings(file):
    # A closed one, and one without its buffer, has no number.
    return file.encoding, file.errors, file.line_buffering, file.write_through, file.fileno()


def ended(own):
    """What the interpreter does at the end: wait for threads, run what was registered, flush."""
    outcome = None
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            # Executors let their threads go.
            for tell in reversed(getattr(threading, "_threading_atexits", ())):
                tell()
            for thread in list(threading.enumerate()):
                if thread is not threading.current_thread() and not thread.daemon:
                    thread.join()
        if atexit._ncallbacks():
            atexit._run_exitfuncs()
    except BaseException as error:
        outcome = of_error(error)
    atexit._clear()
    signal = sys.modules.get("signal")
    if signal is not None:
        # An interpreter that ends hears no alarm.
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
    for file in (sys.stdout, own[1], sys.stderr, own[2]):
        try:
            file.flush()
        except BaseException as error:
            if isinstance(error, MemoryError):
                outcome = of_error(error)
    return outcome


def status_of(outcome):
    """What a process leaves with that came to its end so."""
    if outcome is None:
        return 0
    return int(outcome[2].rpartition(" ")[2]) if outcome[0] == b"Q" else 1


def of_error(error):
    if isinstance(error, SystemExit):
        code = error.code
        if code is None or (isinstance(code, int) and code & 0xFF == 0):
            return None
        status = str(code & 0xFF) if isinstance(code, int) else "1"
        return b"Q", None, "it left with exit status " + status
    return (b"M" if isinstance(error, MemoryError) else b"X"), error


# --- native: functions -------------------------------------------------------------------------------------------------


def calls(link, prelude, name, source):
    code = compiled(link, source)
    module = module_type("solution")
    space = module.__dict__
    pieces = pieces_of(code)
    space.update(prelude(names_in(pieces)))
    space["__builtins__"] = builtins
    sys.modules["solution"] = module
    sys.setrecursionlimit(RECURSION)
    try:
        exec(code, space)
    except BaseException as error:
        link.fail(b"M" if isinstance(error, MemoryError) else b"X", error)
    if name not in space and "Solution" not in space:
        link.fail(b"E")
    cycles = makes_cycles(pieces)
    loads = json_loads()
    link.say(b"R")
    while True:
        _, arguments = link.hear()
        arguments = loads(arguments)
        # A fresh object each time, as the site that these questions come from does.
        holder = space.get("Solution")
        # It may have the function only once it is made.
        is_its = holder is not None and (hasattr(holder, name) or name not in space)
        function = getattr(holder(), name, None) if is_its else space.get(name)
        if function is None:
            link.fail(b"E")
        value = function(*arguments)
        answer(link, value)
        del value, arguments, function
        if cycles or gc.get_count()[0] > 200 or gc.get_count()[1]:
            # What holds itself would count towards the memory of the next test.
            gc.collect()


def json_loads():
    import json

    return json.loads
