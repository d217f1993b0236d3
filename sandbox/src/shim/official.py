

# --- lcb_official ------------------------------------------------------------------------------------------------------
#
# What LiveCodeBench's evaluator does to a program, in our words: scripts become the body of a function, standard input is
# an object, `open` gives the input whatever it is asked for, and parts of the library are taken away.

TAKEN_FROM_OS = (
    "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace unlink"
    " fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"
).split()


def official(link, prelude, form, name, source):
    numpy = early_numpy(source)
    take_away()
    sys.setrecursionlimit(RECURSION)
    code = source if form == "function" else wrapped(source)
    # Its own imports stand before the program there, so that one from `__future__` comes too late.
    code = compiled(link, "pass\n" + code, "<string>")
    module = module_type("tmp_sol", "")
    space = module.__dict__
    # Bound before anything is replaced, as by `from builtins import *`.
    space.update((key, value) for key, value in vars(builtins).items() if key[:1] != "_")
    pieces = pieces_of(code)
    space.update(prelude(names_in(pieces)))
    space["__builtins__"] = builtins
    try:
        exec(code, space)
        holder = space["Solution"]() if form == "function" and "class Solution" in source else module
        function = getattr(holder, name if form == "function" else "wrapped_function", None)
    except BaseException as error:
        link.fail(b"M" if isinstance(error, MemoryError) else b"X", error)
    if function is None:
        link.fail(b"E")
    loads = json_loads()
    cycles = makes_cycles(pieces)
    link.say(b"R")
    while True:
        if cycles or gc.get_count()[0] > 200 or gc.get_count()[1]:
            # There nothing bounds the memory. Here what holds itself would count towards the next test.
            gc.collect()
        kind, data = link.hear()
        if form == "function":
            value = function(*loads(data))
            if numpy and isinstance(value, numpy.ndarray) and value.size != 1:
                # There the comparison raises.
                link.fail(b"X", ValueError("an array of several elements is neither true nor false"))
            # Equal to a plain number there; here it becomes one before anything is compared.
            answer(link, value.item() if numpy and isinstance(value, numpy.generic) else value)
            continue
        link.say(b"S", mocked(function, data.decode("utf-8", "surrogateescape")))


def early_numpy(source):
    """numpy, where the program may import it: the evaluator has done so before it takes anything away."""
    if "numpy" not in source:
        return None
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def take_away():
    import os, shutil, subprocess

    for name in TAKEN_FROM_OS:
        if hasattr(os, name):
            setattr(os, name, None)
    shutil.rmtree = shutil.move = shutil.chown = None
    subprocess.Popen = None
    builtins.quit = builtins.help = None
    for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
        sys.modules[name] = None
    sys.argv = ["main.py"]
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(50_000)


def wrapped(source):
    """The script as a function; its imports stay outside. What does not parse stays as it is."""
    import ast

    source = unguarded(ast, source)
    try:
        tree = ast.parse(source)
        imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        others = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        function = ast.FunctionDef("wrapped_function", nothing, others, [], lineno=-1)
        return "\n".join(ast.unparse(part) for part in [ast.Module(imports, []), function])
    except MemoryError:
        raise
    except Exception:
        return source


def unguarded(ast, source):
    """Without the guard of a main function at the end, in its usual spelling."""
    try:
        tree = ast.parse(source)
        last = tree.body[-1]
        if isinstance(last, ast.If) and ast.unparse(last.test).strip() == "__name__ == '__main__'":
            return "\n".join(ast.unparse(ast.Module(part, [])) for part in (tree.body[:-1], last.body))
    except MemoryError:
        raise
    except Exception:
        pass
    return source


def mocked(function, given):
    captured = _io.StringIO()
    # So it is there, and who calls it gets a TypeError.
    captured.close = lambda x: 1
    before = sys.stdin, sys.stdout, builtins.open
    # Who has the real object already finds three of its methods replaced.
    lines = iter(given.split("\n"))
    try:
        sys.stdin.readline = lambda *_: next(lines)
        sys.stdin.readlines = lambda *_: given.split("\n")
        sys.stdin.read = lambda *_: given
    except AttributeError:
        pass
    sys.stdin, sys.stdout = MockedInput(given), captured
    builtins.open = lambda *_, **__: MockedFile(given)
    try:
        function()
    except SystemExit:
        pass
    finally:
        sys.stdin, sys.stdout, builtins.open = before
    return _io.StringIO.getvalue(captured).encode("utf-8", "surrogateescape")


class MockedInput:
    def __init__(self, given):
        self.inputs = given
        self._stringio = _io.StringIO(given)
        self.buffer = MockedBuffer(given.encode("utf-8", "surrogateescape"))

    def read(self, *_):
        return self.inputs

    def readline(self, *size):
        return self._stringio.readline(*size)

    def readlines(self, *_):
        return self.inputs.split("\n")

    def __getattr__(self, name):
        return getattr(self._stringio, name)


class MockedBuffer:
    def __init__(self, given):
        self.inputs = given

    def read(self, *_):
        return self.inputs

    def readline(self, *_):
        return self.inputs.split(b"\n")[0] + b"\n"


class MockedFile:
    def __init__(self, given):
        self.text = _io.StringIO(given)
        self.read, self.readline, self.readlines = self.text.read, self.text.readline, self.text.readlines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __iter__(self):
        return iter(self.text.readline, "")

    def __getattr__(self, name):
        return lambda *_, **__: None
