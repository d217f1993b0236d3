

# --- between tests: what the next one must find as it was -----------------------------------------------------------------


def makes_cycles(pieces):
    """Whether functions in functions or classes are made, which hold themselves: what they hold stays until it is collected."""
    return any(piece.co_cellvars or "__qualname__" in piece.co_names for piece in pieces)


def names_stored(pieces):
    """Every name that is given to an attribute of something."""
    stored = set()
    for piece in pieces:
        steps, names = piece.co_code, piece.co_names
        at = steps.find(STORE_ATTR)
        while at >= 0:
            if at % 2 == 0:
                high = steps[at - 1] << 8 if at and steps[at - 2] == EXTENDED_ARG else 0
                stored.update(names[high | steps[at + 1] :][:1])
            at = steps.find(STORE_ATTR, at + 1)
    return stored


# Names of which a program uses one that opens, closes, makes or replaces what the next test would find.
TOUCHING = frozenset(
    "open close closerange fdopen detach FileIO TextIOWrapper dup2 os posix pathlib shutil tempfile sqlite3 dbm shelve logging pty"
    " builtins __builtins__ ctypes numpy np exec eval __import__ import_module".split()
)
# What is changed through these is not looked for: the next test gets a process that nobody has used.
SPENDING = frozenset("signal environ putenv unsetenv setattr delattr __dict__ vars path_hooks meta_path settrace setprofile".split())
# Where modules are looked for, before a program changes it.
PLACES = []
# Modules that register themselves for the end of the process when they are imported, and are told of it only once.
ENDED = ("logging", "multiprocessing.util")


class Kept:
    """Standard outputs, which a program may close or put other files in the place of, and what else of a process must be as it
    was for the next test. Standard input has no second descriptor, which would be a file that the program did not open. Most is
    looked at only where the program uses a name for it: each look costs as much as a small test."""

    def __init__(self, pieces, used):
        self.outs = [posix.dup(1), posix.dup(2)]
        self.given = identity(0)
        self.careful = not TOUCHING.isdisjoint(used)
        self.spent = not SPENDING.isdisjoint(used)
        self.used, self.stored = used, names_stored(pieces)
        # Of the modules that are there already, what a program may give to a name of theirs.
        self.known = {place: self.of_module(place) for place in used if self.stored and place in sys.modules}
        self.cycles = makes_cycles(pieces)
        self.watchful = self.stored or self.careful or "path" in used or "weakref" in used
        self.loaded = len(sys.modules)
        if self.careful:
            self.names = dict(vars(builtins))
            self.before = self.look()

    def look(self):
        """The outputs' descriptors, the folder, and how many entries it has: in memory a folder's size tells."""
        return [identity(fd) for fd in self.outs], posix.getcwd(), posix.stat(".").st_size

    def of_module(self, place):
        names = getattr(sys.modules.get(place), "__dict__", {})
        return {name: names[name] for name in self.stored if name in names}

    def modules_changed(self):
        """Whether something was put into a module: a wrapper around one of its functions finds its own names gone in the next test."""
        if "path" in self.used and sys.path != PLACES:
            return True
        for place in self.used if self.stored else ():
            now, before = self.of_module(place), self.known.get(place, {})
            if len(now) != len(before) or any(before[name] is not now[name] for name in now):
                return True
        finalize = getattr(sys.modules.get("weakref"), "finalize", None)
        return getattr(finalize, "_registered_with_atexit", False) or any(place in sys.modules for place in ENDED)

    def collect(self):
        """Frees what holds itself, which would count towards the memory of the next test. Where a program makes no such thing and not
        much was made since the last time, there is nothing to collect."""
        if self.cycles or self.careful or gc.get_count()[0] > 200 or gc.get_count()[1]:
            gc.collect()

    def restore(self):
        posix.lseek(0, 0, 0)
        posix.dup2(self.outs[0], 1)
        posix.dup2(self.outs[1], 2)
        decimal = sys.modules.get("decimal")
        if decimal is not None:
            decimal.setcontext(decimal.Context())
        if self.careful and vars(builtins) != self.names:
            vars(builtins).clear()
            vars(builtins).update(self.names)

    def used_up(self):
        """Whether the next test needs a fresh process."""
        try:
            if self.spent or _thread._count() > 0 or identity(0) != self.given or executors_ended():
                return True
            if (self.watchful or len(sys.modules) != self.loaded) and self.modules_changed():
                return True
            return self.careful and self.look() != self.before
        except OSError:
            return True


def identity(fd):
    status = posix.fstat(fd)
    return status.st_dev, status.st_ino


def executors_ended():
    """Executors of threads take no work once the end of a script has been told to them."""
    futures = sys.modules.get("concurrent.futures.thread")
    return futures is not None and futures._shutdown
