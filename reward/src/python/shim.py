# Runs one program under test and then its tests, and tells the other end of file descriptor 0 what happened.
#
# Frames, both ways: four bytes of length (big-endian), then so many bytes. Ours begin with a letter.
#   we say H (ready for work)         they say  the entry point, the prelude, the answer
#   we say R (the answer has run)     they say  the tests
#   we say D (the tests have run)     they say  a word nobody could know
#   we say N and that word
# Failures: C the answer does not compile, E it does not define the entry point, X it raised, A an assertion failed,
# M memory, T the tests do not compile. Everything after H is the program's doing, whatever it looks like.
import builtins, os, sys, types


def main():
    control = os.dup(0)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    # Bound here, so that a program that replaces them replaces them for itself only.
    read, write, leave = os.read, os.write, os._exit
    modules = sys.modules

    def take(count):
        data = b""
        while len(data) < count:
            part = read(control, min(count - len(data), 1 << 20))
            if not part:
                leave(3)
            data += part
        return data

    def hear():
        return take(int.from_bytes(take(4), "big"))

    def say(kind, data=b""):
        data = kind + data[:2000]
        data = len(data).to_bytes(4, "big") + data
        while data:
            data = data[write(control, data) :]

    def fail(error, asserting):
        kind = b"X"
        detail = b""
        if isinstance(error, MemoryError):
            kind = b"M"
        elif asserting and isinstance(error, AssertionError):
            kind = b"A"
        try:
            detail = (type(error).__name__ + ": " + str(error)[:1000]).encode("utf-8", "replace")
        except BaseException:
            pass
        say(kind, detail)
        leave(1)

    say(b"H")
    entry = hear().decode()
    prelude = hear().decode()
    answer = hear().decode()
    module = types.ModuleType("answer")
    modules["answer"] = module
    space = module.__dict__
    own_builtins = dict(vars(builtins))

    try:
        code = compile(answer, "<answer>", "exec", dont_inherit=True)
    except MemoryError as error:
        fail(error, False)
    except BaseException as error:
        try:
            detail = (type(error).__name__ + ": " + str(error)[:1000]).encode("utf-8", "replace")
        except BaseException:
            detail = b""
        say(b"C", detail)
        leave(1)
    if prelude:
        # It holds imports and helpers that the answer may lean on; where it is no program by itself it is left out.
        try:
            exec(compile(prelude, "<prelude>", "exec", dont_inherit=True), space)
        except BaseException:
            pass
        space.pop(entry, None)
    try:
        exec(code, space)
    except BaseException as error:
        fail(error, False)
    if entry and entry not in space:
        say(b"E")
        leave(1)

    # The tests see the answer's names, but Python's own builtins, and plain data in place of look-alikes that answer
    # every comparison with yes.
    seen = {name: value for name, value in space.items() if name == entry or name not in own_builtins}
    seen["__builtins__"] = own_builtins
    seen["__name__"] = "tests"
    if entry and type(space[entry]) is types.FunctionType:
        seen[entry] = guarded(space[entry], space)

    say(b"R")
    tests = hear().decode()
    try:
        code = compile(tests, "<tests>", "exec", dont_inherit=True)
    except BaseException as error:
        say(b"T", type(error).__name__.encode())
        leave(1)
    del tests
    try:
        exec(code, seen)
    except BaseException as error:
        fail(error, True)
    say(b"D")
    say(b"N" + hear())
    leave(0)


def guarded(function, space):
    atoms = frozenset((type(None), bool, int, float, complex, str, bytes, bytearray, range, type(Ellipsis)))
    bases = (int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict)
    told = frozenset(
        "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __len__ __iter__ __contains__ __getitem__ __getattribute__"
        " __getattr__ __bool__ __sub__ __rsub__ __abs__ __class__".split()
    )
    mro_of = type.__dict__["__mro__"].__get__
    names_of = type.__dict__["__dict__"].__get__
    function_type = types.FunctionType

    def plain(value, depth=0):
        kind = type(value)
        if kind in atoms:
            return value
        if depth > 200:
            raise ValueError("the result is nested more than 200 levels deep")
        if kind is list:
            return value if all(type(v) in atoms for v in value) else [plain(v, depth + 1) for v in value]
        if kind is tuple:
            return value if all(type(v) in atoms for v in value) else tuple([plain(v, depth + 1) for v in value])
        if kind is set or kind is frozenset:
            return value if all(type(v) in atoms for v in value) else kind([plain(v, depth + 1) for v in value])
        if kind is dict:
            return {plain(k, depth + 1): plain(v, depth + 1) for k, v in value.items()}
        own = []
        for ancestor in mro_of(kind):
            if ancestor in bases:
                if not any(name in names for names in own for name in told):
                    return value
                return plain(reduced(value, ancestor), depth + 1)
            if ancestor is not object:
                own.append(names_of(ancestor))
        for names in own:
            for name in ("__eq__", "__ne__"):
                method = names.get(name)
                if type(method) is function_type and method.__globals__ is space:
                    raise TypeError("the result is an object with an equality of its own; tests compare plain data")
        return value

    def reduced(value, base):
        if base is dict:
            return dict(zip(list(dict.keys(value)), list(dict.values(value))))
        if base in (list, tuple, set, frozenset):
            return base(list(base.__iter__(value)))
        if base is str:
            return str.__str__(value)[:] if type(str.__str__(value)) is str else "".join(str.__iter__(value))
        if base is int:
            return int.__int__(value)
        if base is float:
            return float.__float__(value)
        if base is complex:
            return complex.__add__(value, 0j)
        return base.__add__(value, b"")[:]

    def entry(*args, **kwargs):
        return plain(function(*args, **kwargs))

    entry.__name__ = function.__name__
    entry.__doc__ = function.__doc__
    entry.__wrapped__ = function
    return entry


# Every name that the code above uses is looked up in a copy that the program under test does not hold.
names = {"__builtins__": dict(vars(builtins)), "os": os, "sys": sys, "types": types, "builtins": builtins}
names["guarded"] = types.FunctionType(guarded.__code__, names)
types.FunctionType(main.__code__, names)()
