

# --- values: what a function returned, as plain data -----------------------------------------------------------------------


def answer(link, value):
    parts = []
    try:
        plain(value, parts, [BUDGET], DEEPEST)
    except Leave as error:
        link.fail(b"O", None, str(error))
    link.say(b"V", b"".join(parts))


BUDGET = 64 << 20
base_repr = {int: int.__repr__, float: float.__repr__}
mro_of = type.__dict__["__mro__"].__get__


def plain(value, parts, budget, levels):
    """Writes a value by the base classes' own methods: what a subclass says of itself does not count."""
    budget[0] -= 5
    if budget[0] < 0:
        raise Leave("the value is too large")
    kind = type(value)
    if value is None or value is True or value is False:
        parts.append(b"N" if value is None else b"T" if value else b"F")
        return
    for base in mro_of(kind):
        if base is int or base is float:
            text(b"I" if base is int else b"D", base_repr[base](value), parts, budget)
            return
        if base is str:
            text(b"S", str.__str__(value), parts, budget)
            return
        if base is list or base is tuple:
            count = base.__len__(value)
            parts.append((b"L" if base is list else b"U") + min(count, 0xFFFFFFFF).to_bytes(4, "big"))
            nested(levels)
            # By index: a list can grow while it is walked.
            for index in range(count):
                plain(base.__getitem__(value, index), parts, budget, levels - 1)
            return
        if base is dict:
            entries = list(dict.items(value))
            parts.append(b"M" + min(len(entries), 0xFFFFFFFF).to_bytes(4, "big"))
            nested(levels)
            for key, item in entries:
                plain(key, parts, budget, levels - 1)
                plain(item, parts, budget, levels - 1)
            return
    numpy = sys.modules.get("numpy")
    if numpy is not None and numpy.generic in mro_of(kind) and levels:
        plain(numpy.generic.item(value), parts, budget, 0)
        return
    number = equal_number(value, kind) if levels else value
    if number is not value:
        plain(number, parts, budget, 0)
        return
    text(b"O", type.__dict__["__name__"].__get__(kind), parts, budget)


def equal_number(value, kind):
    """The integer or the floating-point number that Python finds equal to a number of the standard library's; else the value."""
    exact = [getattr(sys.modules.get(place), name, None) for place, name in EXACT]
    if kind is not complex and kind not in exact:
        return value
    real = value.real if kind is complex else value
    for base in (int, float):
        try:
            number = base(real)
            if value == number:
                return number
        except (ArithmeticError, ValueError):
            pass
    return value


EXACT = (("fractions", "Fraction"), ("decimal", "Decimal"))


def nested(levels):
    if levels < 1:
        raise Leave("the value is nested more than %d levels deep" % DEEPEST)


def text(kind, value, parts, budget):
    data = str.encode(value, "utf-8", "backslashreplace")
    budget[0] -= len(data)
    if budget[0] < 0:
        raise Leave("the value is too large")
    parts.append(kind + len(data).to_bytes(4, "big") + data)
