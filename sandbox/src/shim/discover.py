# Asks an interpreter what it needs, and compiles our own code for it. Input: our code; output: JSON.
import sys

assert sys.version_info >= (3, 8), "it is Python " + sys.version.split()[0]

import ctypes, json, mmap, opcode, os, site, struct

WITH_PACKAGES = sys.argv[1] == "packages"
# Windows on a screen and the library's own tests: no program under test has a use for them.
NOT_THESE = ("_tkinter", "_test", "xx", "_ctypes_test", "readline", "_curses", "_dbm", "_gdbm", "nis", "ossaudiodev")

source = sys.stdin.read()
source = source.replace("OPCODES", repr((opcode.opmap["STORE_ATTR"], opcode.EXTENDED_ARG)))
# The part before the last two blocks defines functions only.
head, tail = source.split("# So that a program finds nothing of ours", 1)
space = {"__name__": "shim"}
exec(compile(head, "<shim>", "exec"), space)
code = compile(head + "# " + tail.replace("TABLE", repr(space["table_of_names"]())), "<shim>", "exec")

from importlib._bootstrap_external import _code_to_timestamp_pyc

standard = [os.path.realpath(os.path.dirname(os.__file__))]
for place in sys.path:
    if os.path.exists(place) and not any(place == s or place.startswith(s + "/") for s in standard):
        standard.append(place)
executable = os.path.realpath(sys.executable)
packages = []
if WITH_PACKAGES:
    site.main()
    packages = [place for place in site.getsitepackages() if os.path.isdir(place)]

for folder in [place for place in sys.path if place.endswith("lib-dynload") and os.path.isdir(place)]:
    for name in sorted(os.listdir(folder)):
        if ".so" in name and not name.startswith(NOT_THESE):
            try:
                ctypes.CDLL(os.path.join(folder, name), mode=1)
            except OSError:
                pass

def needed(path):
    """The names of the libraries that a shared object asks for (its DT_NEEDED entries). Read, not loaded: what a package
    does as it is loaded could end this process."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if data[:6] != b"\x7fELF\2\1":
        return []
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    parts = [struct.unpack_from("<IIQQQQ", data, start + size * index) for index in range(count)]
    entries = [
        entry
        for kind, _, offset, _, _, length in parts
        if kind == 2
        for entry in struct.iter_unpack("<qQ", data[offset : offset + length])
    ]
    names = []
    for table in [value for tag, value in entries if tag == 5]:
        for kind, _, offset, address, _, length in parts:
            if kind == 1 and address <= table < address + length:
                at = offset + table - address
                names += [data[at + value : data.find(b"\0", at + value)] for tag, value in entries if tag == 1]
    return [os.fsdecode(name) for name in names]


# What installed packages are linked with, but for what they bring themselves.
asked, brought = set(), set()
for package in packages:
    for folder, _, files in os.walk(package):
        for name in files:
            if ".so" in name:
                brought.add(name)
                try:
                    asked.update(needed(os.path.join(folder, name)))
                except (OSError, ValueError, struct.error):
                    pass
for name in sorted(asked - brought):
    try:
        ctypes.CDLL(name, mode=1)
    except OSError:
        pass

# The C library loads it by itself when a thread ends early.
try:
    ctypes.CDLL("libgcc_s.so.1")
except OSError:
    pass


class Loaded(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p)]


libraries = []


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Loaded), ctypes.c_size_t, ctypes.c_void_p)
def each(loaded, _size, _data):
    name = os.fsdecode(loaded[0].name or b"")
    if name.startswith("/") and not any(name.startswith(s + "/") for s in standard + packages):
        libraries.append(name)
    return 0


ctypes.CDLL(None).dl_iterate_phdr(each, None)
print(
    json.dumps(
        {
            "version": sys.version.split()[0],
            "executable": executable,
            "standard": standard,
            "hidden": [
                os.path.join(place, name)
                for place in standard
                for name in ("site-packages", "dist-packages")
                if os.path.isdir(os.path.join(place, name)) and not WITH_PACKAGES
            ],
            "packages": packages,
            "libraries": libraries,
            "warm": hasattr(os, "pidfd_open"),
            "shim": _code_to_timestamp_pyc(code).hex(),
        }
    )
)
