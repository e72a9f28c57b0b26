"""Random small programs that run: every way in which a name can be bound, changed, shared and forgotten.

The generator knows roughly what type each name has, so that most programs run to their end; one that does not is no
example.
"""

# ruff: noqa: E501, PLW0108 -- the lines of the programs are one text each, and its choices are made when they are asked for

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

_NAMES = {
    "int": ["n", "m", "k", "total"],
    "list": ["xs", "ys", "zs", "items"],
    "nest": ["rows", "grid", "table"],
    "dict": ["d", "by_key", "index"],
    "obj": ["box", "cart", "acc"],
}


@dataclass
class Program:
    """A program that grows."""

    rng: random.Random
    kinds: dict[str, str] = field(default_factory=dict)
    """Names that are bound for certain."""
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Functions, with the types of their parameters."""
    classes: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    generators: set[str] = field(default_factory=set)
    serial: int = 0

    def pick(self, kind: str) -> str | None:
        names = [name for name, one in self.kinds.items() if one == kind]
        return self.rng.choice(names) if names else None

    def new(self, kind: str) -> str:
        return self.rng.choice(_NAMES[kind])

    def say(self, text: str, **bound: str) -> None:
        self.statements.append(text)
        for name, kind in bound.items():
            self.kinds[name] = kind

    def int_of(self) -> str:
        """An expression that is an integer."""
        choices: list[Callable[[], str | None]] = [
            lambda: str(self.rng.randint(0, 9)),
            lambda: self.pick("int"),
            lambda: _with("len({})", self.pick("list")),
            lambda: _with("sum({})", self.pick("list")),
            lambda: _with("sum(len(r) for r in {})", self.pick("nest")),
            lambda: _with("len({})", self.pick("dict")),
            lambda: _with("{}.size()", self.pick("obj")),
            lambda: _with("({} + 3)", self.pick("int")),
        ]
        return next(found for found in iter(lambda: self.rng.choice(choices)(), "\0") if found is not None)

    def list_of(self) -> str:
        """An expression that is a list of integers."""
        choices: list[Callable[[], str | None]] = [
            lambda: f"[{self.int_of()}, {self.int_of()}]",
            lambda: self.pick("list"),
            lambda: _with("{}[0]", self.pick("nest")),
            lambda: _with("list({})", self.pick("list")),
            lambda: _with("[v + 1 for v in {}]", self.pick("list")),
            lambda: _with("sorted({})", self.pick("list")),
            lambda: _with("{}.held", self.pick("obj")),
            lambda: _with("{}.setdefault('a', [7])", self.pick("dict")),
            lambda: _with("{}[1:]", self.pick("list")),
            lambda: f"[(last := v) for v in range({self.rng.randint(1, 3)})]",
        ]
        return next(found for found in iter(lambda: self.rng.choice(choices)(), "\0") if found is not None)


def _with(form: str, name: str | None) -> str | None:
    return form.format(name) if name else None


def program(rng: random.Random, size: int | None = None) -> list[str]:
    """The cells of a random program; each has a favourite subject."""
    made = Program(rng)
    made.say("n = 3", n="int")
    made.say("xs = [1, 2, 3]", xs="list")
    made.say("rows = [[1], [2, 3]]", rows="nest")
    subject = rng.choice(_SUBJECTS)
    for way in subject:
        way(made)
    size = size or rng.randint(8, 20)
    while len(made.statements) < size:
        rng.choice(subject if subject and rng.random() < 0.5 else _WAYS)(made)
    cells: list[list[str]] = [[]]
    for statement in made.statements:
        if cells[-1] and rng.random() < 0.6:
            cells.append([])
        cells[-1].append(statement)
    return ["\n".join(cell) for cell in cells]


def _assign_int(p: Program) -> None:
    name = p.new("int")
    p.say(f"{name} = {p.int_of()}", **{name: "int"})


def _assign_list(p: Program) -> None:
    name = p.new("list")
    p.say(f"{name} = {p.list_of()}", **{name: "list"})


def _assign_nest(p: Program) -> None:
    name = p.new("nest")
    form = p.rng.choice(["[{}, {}]", "[{0}] * 2", "[list({}) for _ in range(2)]", "[{}] + [{}]"])
    p.say(f"{name} = {form.format(p.list_of(), p.list_of())}", **{name: "nest"})


def _assign_dict(p: Program) -> None:
    name = p.new("dict")
    other = p.pick("dict")
    forms = [f"{{'a': {p.list_of()}, 'b': {p.list_of()}}}"]
    if other:
        forms += [other, f"dict({other})", f"{other}.copy()", f"{{k: v for k, v in {other}.items()}}"]
    p.say(f"{name} = {p.rng.choice(forms)}", **{name: "dict"})


def _mutate(p: Program) -> None:
    one, nest, table = p.pick("list"), p.pick("nest"), p.pick("dict")
    forms = [
        f"{one}.append({p.int_of()})",
        f"{one}[0:1] = [{p.int_of()}]",
        f"{one} += [{p.int_of()}]",
        f"{nest}[0].append({p.int_of()})",
        f"{nest}.append({p.list_of()})",
        f"{nest}[-1] = {p.list_of()}",
        f"for row in {nest}:\n    row.append({p.rng.randint(0, 5)})",
        f"{nest}[0] += [{p.int_of()}]",
        f"{one}.extend({p.list_of()})",
        f"first, *rest = {nest}\nfirst.append({p.int_of()})",
        f"_ = [r.append(1) for r in {nest}]",
    ]
    if table:
        forms += [
            f"{table}['c'] = {p.list_of()}",
            f"{table}.setdefault('z', []).append({p.int_of()})",
            f"for key, value in {table}.items():\n    value.append({p.int_of()})",
            f"{table}.update(q={p.list_of()})",
            f"{table}.get('a', []).append(4)",
            f"{table}.pop('c', None)",
        ]
    p.say(p.rng.choice(forms))


def _number(p: Program) -> None:
    name = p.pick("int")
    p.say(p.rng.choice([f"{name} += {p.int_of()}", f"{name} = {name} * 2 % 97", f"{name} -= 1"]))


def _swap(p: Program) -> None:
    one, other = p.pick("list"), p.pick("list")
    p.say(f"{one}, {other} = {other}, {one}")


def _branch(p: Program) -> None:
    name, test = p.new("list"), p.int_of()
    if name in p.kinds:
        p.say(f"if {test} % 2:\n    {name} = {p.list_of()}")
    else:
        p.say(
            f"if {test} % 2:\n    {name} = {p.list_of()}\nelse:\n    {name} = {p.list_of()}", **{name: "list"}
        )


def _maybe(p: Program) -> None:
    p.serial += 1
    name = f"maybe{p.serial}"
    p.say(f"if {p.int_of()} % 2:\n    {name} = {p.list_of()}")
    p.say(f"try:\n    {name}.append(1)\nexcept NameError:\n    pass")


def _loop(p: Program) -> None:
    one = p.pick("list")
    body = p.rng.choice(
        [
            f"for i, v in enumerate(list({one})):\n    {one}[i] = v + 1",
            f"for i in range({p.rng.randint(1, 3)}):\n    {p.pick('int')} = i + {p.int_of()}",
            f"while len({one}) < 4:\n    {one}.append(0)",
            f"for row in {p.pick('nest')}:\n    ys = row\n    if len(row) > 1:\n        break\nelse:\n    ys = [5]",
        ]
    )
    bound = {"ys": "list"} if "ys" in body and "ys = row" in body and p.kinds.get("ys") else {}
    p.say(body, **bound)


def _tries(p: Program) -> None:
    name = p.new("int")
    p.say(
        f"try:\n    {name} = {p.int_of()} // {p.int_of()}\nexcept ZeroDivisionError as problem:\n    {name} = 1",
        **{name: "int"},
    )


def _context(p: Program) -> None:
    p.say("import contextlib")
    p.say(f"with contextlib.suppress(IndexError):\n    {p.pick('list')}[99]\n    {p.pick('list')}.append(3)")


def _delete(p: Program) -> None:
    for kind in ("list", "int", "dict"):
        names = [name for name, one in p.kinds.items() if one == kind]
        if len(names) > 1:
            name = p.rng.choice(names)
            del p.kinds[name]
            p.say(f"del {name}")
            return


def _function(p: Program) -> None:
    p.serial += 1
    name = f"f{p.serial}" if p.rng.random() < 0.8 else "f1"
    one, number, nest = p.pick("list"), p.pick("int"), p.pick("nest")
    callee = p.rng.choice([*p.functions, "len"])
    bodies = [
        f"(a):\n    a.append({number})\n    return a",
        f"(a):\n    return sum(a) + {number}",
        f"(a):\n    {one}.append(len(a))\n    return {one}",
        f"(a):\n    global {number}\n    {number} = {number} + len(a)",
        "(a, b=2):\n    c = a\n    c[0:1] = [b]",
        f"(a):\n    for row in {nest}:\n        a.append(len(row))",
        f"(a):\n    return {callee}(a)",
        f"(a):\n    {nest}.append(a)\n    return {nest}[0]",
        "(a, seen=[]):\n    seen.append(len(a))\n    return len(seen)",
        f"(a):\n    def inner(x):\n        a.append(x)\n        return a\n    return inner({number})",
        f"(a, depth=2):\n    if depth:\n        a.append(depth)\n        return {name}(a, depth - 1)\n    return a",
        f"(a):\n    return [v * {number} for v in a]",
        f"(*args, **named):\n    args[0].append({number})\n    return args[0]",
        f"(a):\n    pair = (a, {one})\n    pair[1].append(1)\n    return pair",
        f"(a):\n    kept = {{'a': a}}\n    kept['a'].append({number})\n    return kept",
        f"(a):\n    [r.append(0) for r in (a, {one})]",
        f"(a):\n    return {nest}",
        f"(a):\n    return {nest}[-1]",
        "(a):\n    return lambda: a.append(1)",
        f"(a):\n    return sorted({nest}, key=lambda row: (len(row), row))",
        f"(a):\n    try:\n        return a[99]\n    except IndexError:\n        a.append(5)\n    finally:\n        {one}.append(6)",
        f"(a):\n    yield from a\n    {one}.append(3)",
        "(a):\n    return [[len(a)], a]",
        f"(a):\n    return [[0], [{number}]]",
        f"(a):\n    return {{'a': [1], 'b': a, 'c': {one}}}",
        "(a):\n    for v in a:\n        yield [v]",
        "(a):\n    return (row for row in [[1], a])",
    ]
    p.functions[name] = ("list",)
    body = p.rng.choice(bodies)
    if "yield" in body or "(row for" in body:
        p.generators.add(name)
    p.say(f"{name} = lambda a: a.append({number}) or a" if p.rng.random() < 0.05 else f"def {name}{body}")


def _drain(p: Program) -> None:
    if p.generators:
        p.serial += 1
        name, one = p.rng.choice(sorted(p.generators)), p.pick("list")
        p.say(f"taken{p.serial} = list({name}({one}))")
        p.say(f"for each in taken{p.serial}:\n    if isinstance(each, list):\n        each.append(2)")


def _decorated(p: Program) -> None:
    p.serial += 1
    one, number = p.pick("list"), p.pick("int")
    bodies = [
        f"        {one}.append(1)\n        return function(*args)",
        "        calls.append(len(calls))\n        return function(*args)",
        "        wrapper.count = getattr(wrapper, 'count', 0) + 1\n        args[0].append(wrapper.count)\n        return function(*args)",
        "        return function(*args)",
    ]
    p.say(
        f"def deco{p.serial}(function):\n    calls = []\n    def wrapper(*args):\n{p.rng.choice(bodies)}\n    return wrapper"
    )
    p.say(f"@deco{p.serial}\ndef g{p.serial}(a):\n    a.append({number})\n    return len(a)")
    p.functions[f"g{p.serial}"] = ("list",)


def _registry(p: Program) -> None:
    if p.functions:
        name = p.rng.choice([*p.functions])
        p.say(
            p.rng.choice(
                [
                    f"table_of = {{'go': {name}}}\ntable_of['go']({p.pick('list')})",
                    f"chosen = {name}",
                    f"made = [{name}, len]\nfor each in made:\n    each({p.pick('list')})",
                    f"{name}.seen = {p.list_of()}",
                ]
            )
        )


def _pair(p: Program) -> None:
    p.serial += 1
    name = f"pair{p.serial}"
    p.say(f"{name} = ({p.list_of()}, {p.list_of()})")
    p.say(f"left{p.serial}, right{p.serial} = {name}")
    p.say(p.rng.choice([f"left{p.serial}.append(8)", f"{name}[1].append(9)", f"right{p.serial} += [2]"]))


def _nested_loops(p: Program) -> None:
    one, nest = p.pick("list"), p.pick("nest")
    p.say(
        p.rng.choice(
            [
                f"for outer in {nest}:\n    for inner in outer:\n        if inner > 2:\n            {one}.append(inner)\n            break",
                f"held = None\nfor outer in {nest}:\n    if held is not None:\n        held.append(1)\n    held = outer",
                f"k = 0\nwhile True:\n    k += 1\n    other = {one}\n    if k > 2:\n        break\n    other.append(k)",
                f"for outer in {nest}[:1]:\n    {p.new('list')} = outer\nelse:\n    {one}.append(0)",
            ]
        )
    )


def _drop(p: Program) -> None:
    name = p.pick("list")
    p.say(f"if {p.int_of()} % 2:\n    del {name}\n    {name} = [0]\nelse:\n    {name} = {name}[:]")


def _call(p: Program) -> None:
    names = [name for name in p.functions if name not in p.generators]
    if not names:
        return
    name, one = p.rng.choice(names), p.pick("list")
    p.serial += 1
    form = p.rng.choice(
        [
            f"{name}({one})",
            f"result{p.serial} = {name}({one})",
            f"result{p.serial} = list(map({name}, [{one}]))",
            f"{name}({p.pick('nest')}[0])",
            f"handlers = [{name}]\nhandlers[0]({one})",
            f"result{p.serial} = {name}({p.pick('nest')}[-1])\nif isinstance(result{p.serial}, list):\n    result{p.serial}.append(1)",
            f"result{p.serial} = [{name}(each) for each in ({one}, {p.pick('list')})]",
            f"out{p.serial} = {name}({one})\nif callable(out{p.serial}):\n    out{p.serial}()",
            f"sorted([{one}], key={name})",
            f"got{p.serial} = {name}({one})\nif isinstance(got{p.serial}, list) and got{p.serial} and isinstance(got{p.serial}[0], list):\n    part{p.serial} = got{p.serial}[0]\n    part{p.serial}.append(1)",
            f"got{p.serial} = list(map({name}, [{one}, [0]]))\nif isinstance(got{p.serial}[0], list):\n    got{p.serial}[0].append(1)",
        ]
    )
    p.say(form)


def _class(p: Program) -> None:
    p.serial += 1
    name = f"C{p.serial}"
    number, one = p.pick("int"), p.pick("list")
    extra = p.rng.choice(
        [
            "    def grow(self):\n        self.held.append(0)\n        return self",
            f"    def grow(self):\n        {one}.append(self.size())\n        return self",
            f"    count = 0\n    def grow(self):\n        type(self).count += 1\n        self.held.append({name}.count)\n        return self",
            "    seen = []\n    def grow(self):\n        self.seen.append(1)\n        self.held = [len(self.seen)]\n        return self",
            f"    def grow(self):\n        global {number}\n        {number} += 1\n        return self",
            "    @property\n    def bigger(self):\n        self.held.append(9)\n        return 1\n    def grow(self):\n        self.bigger\n        return self",
            "    def __iadd__(self, other):\n        self.held.append(other)\n        return self\n"
            "    def grow(self):\n        self += 4\n        return self",
            "    def __iter__(self):\n        self.held.append(3)\n        return iter(self.held)\n"
            "    def grow(self):\n        return list(self)",
            "    @classmethod\n    def made(cls, held):\n        return cls(held)\n    def grow(self):\n        return self.made(self.held)",
            "    @staticmethod\n    def push(held):\n        held.append(11)\n    def grow(self):\n        self.push(self.held)\n        return self",
            "    def __enter__(self):\n        self.held.append(1)\n        return self.held\n    def __exit__(self, *error):\n        return True\n"
            "    def grow(self):\n        with self as inner:\n            inner.append(2)\n        return self",
            "    def __len__(self):\n        self.held.append(2)\n        return len(self.held)\n    def grow(self):\n        return self",
        ]
    )
    base = p.rng.choice([f"({each})" for each in p.classes] or [""])
    p.classes.append(name)
    p.say(
        f"class {name}{base}:\n    def __init__(self, held):\n        self.held = held\n    def size(self):\n"
        f"        return len(self.held)\n{extra}"
    )


def _object(p: Program) -> None:
    if p.classes:
        name = p.new("obj")
        other = p.pick("obj")
        form = f"{p.rng.choice(p.classes)}({p.list_of()})" if not other or p.rng.random() < 0.7 else other
        p.say(f"{name} = {form}", **{name: "obj"})


def _use_object(p: Program) -> None:
    name = p.pick("obj")
    if name:
        p.say(
            p.rng.choice(
                [
                    f"{name}.grow()",
                    f"{name}.held.append({p.int_of()})",
                    f"{name}.held = {p.list_of()}",
                    f"{name}.grow().grow()",
                    f"n = {name}.size()",
                    f"bool({name})",
                    f"objects = [{name}]\nobjects[0].grow()",
                    f"kept = {name}.grow\nkept()",
                    f"same = {name}\nsame.held.append(1)",
                    f"held = getattr({name}, 'held')\nheld.append(0)",
                    f"{name}.other = {p.pick('nest')}\n{name}.other[0].append(5)",
                    f"{name}.held += [4]",
                ]
            )
        )


def _closure(p: Program) -> None:
    p.serial += 1
    p.say(
        f"def make{p.serial}():\n    count = 0\n    def step(a):\n        nonlocal count\n        count += 1\n"
        "        a.append(count)\n        return count\n    return step"
    )
    name = f"step{p.serial}"
    p.say(f"{name} = make{p.serial}()")
    p.functions[name] = ("list",)


def _generator(p: Program) -> None:
    p.serial += 1
    name = f"stream{p.serial}"
    p.say(p.rng.choice([f"{name} = (v for v in {p.pick('list')})", f"{name} = iter({p.pick('list')})"]))
    p.say(f"n = next({name}, 0)")
    p.say(f"ys = list({name})", ys="list")


def _match(p: Program) -> None:
    name = p.new("int")
    p.say(
        f"match {p.pick('list')}:\n    case [{name}, *others]:\n        pass\n    case _:\n        {name} = 0\n        others = []",
        **{name: "int"},
    )


def _identity(p: Program) -> None:
    p.say(f"k = 1 if {p.pick('list')} is {p.pick('list')} else 2", k="int")


def _imports(p: Program) -> None:
    statement, use = p.rng.choice(
        [
            ("import math", "math.floor(2.5)"),
            ("from math import floor as fl", "fl(3.5)"),
            ("import copy", "len(copy.copy([1]))"),
            ("import os.path", "len(os.path.basename('a/b'))"),
        ]
    )
    p.say(statement)
    p.say(f"m = {use}", m="int")


def _seeded(p: Program) -> None:
    p.say("import random")
    p.say(f"random.seed({p.rng.randint(0, 9)})")
    for _ in range(p.rng.randint(1, 2)):
        p.say(f"{p.pick('int')} = random.randint(0, 50)")


def _undecided(p: Program) -> None:
    if p.rng.random() < 0.2:
        p.say(p.rng.choice(["exec('n = n + 1')", f"globals()['m'] = {p.int_of()}", "from math import *"]))


_WAYS: list[Callable[[Program], None]] = [
    *[
        _assign_int,
        _assign_list,
        _assign_nest,
        _assign_dict,
        _mutate,
        _mutate,
        _mutate,
        _number,
        _swap,
        _branch,
    ],
    *[_maybe, _loop, _tries, _context, _delete, _function, _function, _call, _call, _call, _class, _object],
    *[
        _use_object,
        _use_object,
        _decorated,
        _drain,
        _registry,
        _pair,
        _nested_loops,
        _drop,
        _closure,
        _generator,
        _match,
    ],
    *[_identity, _imports, _seeded, _undecided],
]
_SUBJECTS: list[list[Callable[[Program], None]]] = [
    [],
    [],
    [_class, _object, _use_object, _use_object, _object],
    [_class, _class, _object, _use_object, _mutate],
    [_function, _call, _registry, _function],
    [_function, _function, _call, _drain, _call],
    [_decorated, _call, _closure],
    [_pair, _nested_loops, _drop, _mutate, _assign_nest],
    [_assign_dict, _mutate, _assign_list, _swap],
]
