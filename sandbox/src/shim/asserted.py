

# --- asserted ----------------------------------------------------------------------------------------------------------


def asserted(link, entry, prelude, source):
    module = module_type("answer")
    sys.modules["answer"] = module
    space = module.__dict__
    space["__builtins__"] = builtins
    own_builtins = dict(vars(builtins))
    code = compiled(link, source, "<answer>")
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
        link.fail(b"M" if isinstance(error, MemoryError) else b"X", error)
    if entry and entry not in space:
        link.fail(b"E")

    # The tests see the answer's names, but Python's own builtins, and plain data in place of look-alikes that answer
    # every comparison with yes.
    seen = {name: value for name, value in space.items() if name == entry or name not in own_builtins}
    seen["__builtins__"] = own_builtins
    # Tests that patch a name of "their" module mean the answer's: elsewhere the two stand in one.
    seen["__name__"] = "answer"
    named = set()
    if entry and callable(space[entry]) and not isinstance(space[entry], type):
        seen[entry] = guarded(space[entry], space, seen, named)

    link.say(b"R")
    _, tests = link.hear()
    # What the function returns may be a mock that the tests gave it.
    # What the tests patch in Python's builtins is there for them as well as for the answer.
    named.update(word for word in ("mock", "builtins") if word.encode() in tests)
    if "builtins" in named:
        vars(builtins).update(own_builtins)
        seen["__builtins__"] = builtins
    try:
        code = compile(tests.decode(), "<tests>", "exec", dont_inherit=True)
    except BaseException as error:
        link.fail(b"Y", None, type(error).__name__)
    del tests
    try:
        exec(code, seen)
    except BaseException as error:
        kind = b"M" if isinstance(error, MemoryError) else b"A" if isinstance(error, AssertionError) else b"X"
        link.fail(kind, error)
    link.say(b"D", b"\0")
    _, word = link.hear()
    link.say(b"N", word)
    link.leave(0)


def guarded(function, space, seen, named):
    """The function, whose results are plain data to the tests: what a type of the program's own says of equality, length or
    order does not count. Types of libraries and of the tests are left as they are. `space` and `seen` are the namespaces of
    the program and of the tests, `named` the words that these have in their text."""
    atoms = frozenset((type(None), bool, int, float, complex, str, bytes, bytearray, range, type(Ellipsis)))
    bases = (int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict)
    told = (
        "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __len__ __iter__ __contains__ __getitem__ __getattribute__"
        " __getattr__ __bool__ __sub__ __rsub__ __abs__ __class__"
    ).split()
    names_of = type.__dict__["__dict__"].__get__
    names_in = module_type.__dict__["__dict__"].__get__

    def is_module(value):
        return module_type in mro_of(type(value))

    file_of = type(guarded.__code__).co_filename.__get__
    modules = sys.modules
    deepest = 5000

    def is_of_module(place):
        """Whether a namespace is that of an imported module: what exec makes elsewhere is the program's, whatever its file says."""
        return any(is_module(each) and names_in(each) is place for each in list(modules.values()))

    def is_own(method):
        """Whether a method is the program's: a function of its text, or one that was made while it ran, under whatever wrapper.
        `unittest.mock` has objects that equal everything, too, which are left alone where the tests name it."""
        for _ in range(10):
            kind = type(method)
            if kind is function_type:
                file, place = file_of(method.__code__), method.__globals__
                if place is seen:
                    return False
                mocks = file.endswith("/unittest/mock.py") and "mock" not in named
                return place is space or file == "<answer>" or mocks or not is_of_module(place)
            inner = None
            for name in ("__func__", "func", "__wrapped__", "fget"):
                inner = getattr(method, name, None) if inner is None else inner
            if inner is None:
                # An object that can be called.
                inner = next((names_of(c)["__call__"] for c in mro_of(kind) if "__call__" in names_of(c)), None)
            if inner is None or inner is method:
                return False
            method = inner
        return False

    known = {}

    def equals_by_its_own(kind):
        if id(kind) not in known:
            names = [names_of(ancestor) for ancestor in mro_of(kind)]
            own = any(is_own(each[name]) for each in names for name in ("__eq__", "__ne__") if name in each)
            # With the type itself, so that no other one gets its number.
            known[id(kind)] = own, kind
        return known[id(kind)][0]

    def settled(value, done, depth=0):
        """`done` has what came of every object so far: nested ones may stand in several places, and in themselves."""
        kind = type(value)
        if kind in atoms:
            return value
        if id(value) in done:
            return done[id(value)][1]
        if depth > deepest:
            raise ValueError("the result is nested more than %d levels deep" % deepest)
        done[id(value)] = value, value
        base = next((ancestor for ancestor in mro_of(kind) if ancestor in bases), None)
        if base is None:
            refuse_own_equality(value)
            return value
        own = [names_of(ancestor) for ancestor in mro_of(kind)[: mro_of(kind).index(base)]]
        pretends = any(is_own(names[name]) for names in own for name in told if name in names)
        result = reduced(value, base) if pretends else value
        if base is dict:
            plain = list(dict.items(value))
            parts = [(settled(k, done, depth + 1), settled(v, done, depth + 1)) for k, v in plain]
            if pretends or any(a is not c or b is not d for (a, b), (c, d) in zip(parts, plain)):
                result = dict(parts)
        elif base in (list, tuple, set, frozenset):
            plain = list(base.__iter__(value))
            parts = [settled(v, done, depth + 1) for v in plain]
            if pretends or any(a is not b for a, b in zip(parts, plain)):
                result = base(parts)
        done[id(value)] = value, result
        return result

    def refuse_own_equality(value):
        """Of an object that is no plain data, and of what it holds: a library's containers compare their parts."""
        left, seen = [value], set()
        while left and len(seen) < 10_000:
            part = left.pop()
            if id(part) in seen or isinstance(part, (type, function_type, module_type)):
                continue
            seen.add(id(part))
            if equals_by_its_own(type(part)):
                raise TypeError("the result is an object with an equality of its own; tests compare plain data")
            left.extend(gc.get_referents(part))

    def reduced(value, base):
        """A value of the base itself; containers are made anew with their parts."""
        if base in (dict, list, tuple, set, frozenset):
            return None
        if base is str:
            return str.__str__(value)[:] if type(str.__str__(value)) is str else "".join(str.__iter__(value))
        if base is int:
            return int.__int__(value)
        if base is float:
            return float.__float__(value)
        if base is complex:
            return complex.__add__(value, 0j)
        return base.__add__(value, b"")[:]

    limit, set_limit = sys.getrecursionlimit, sys.setrecursionlimit
    names = vars(builtins)

    def called(args, kwargs):
        """What the function changes in the builtins ends with the call where the tests use the same ones."""
        if "builtins" not in named:
            return function(*args, **kwargs)
        before = dict(names)
        try:
            return function(*args, **kwargs)
        finally:
            names.update(before)

    def entry(*args, **kwargs):
        value = called(args, kwargs)
        if type(value) in atoms:
            return value
        before = limit()
        # Twice a level.
        set_limit(max(before, RECURSION))
        try:
            return settled(value, {})
        finally:
            set_limit(before)

    entry.__name__ = getattr(function, "__name__", "entry")
    entry.__doc__ = function.__doc__
    entry.__wrapped__ = function
    return entry
