"""What a text or a path in the code is, as far as the notebook says it; what it does not say stays a `{hole}`.

Where the value of a name is written down, `names` finds out. Nothing is guessed, nothing executed.
"""

from __future__ import annotations

import ast
import itertools
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from agilab.notebooks.code.known_texts import (
    FIRST,
    LAST_OF_ONE,
    ONE_HOLE,
    Text,
    above,
    asked_at,
    begun,
    behind_the_slash,
    folder_in,
    hole,
    renamed,
    suits_a_path,
    under,
    whole,
)
from agilab.notebooks.code.members import first_of, is_property
from agilab.notebooks.code.names import DEEPEST, Names, OwnNames, binding_at
from agilab.notebooks.code.walking import Place, scope_of_call

MOST = 24
"""Alternatives kept of a text (a loop over a list of file names); more become one with a hole."""


class Given(ast.expr):
    """An argument in the place of a parameter: what it may be."""

    def __init__(self, texts: tuple[Text, ...]) -> None:
        super().__init__()
        self.texts = texts


_WALKED_AS_IT_IS = frozenset(
    {"sorted", "list", "tuple", "reversed", "tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm"}
)
"""What gives the same items, in another order or with a bar beside them."""


class Evaluator(Names):
    """Texts of expressions. Responsible for what strings and paths are; not for which of them are files."""

    def __init__(self, aliases: dict[str, str], parameters: Mapping[str, int] | None = None) -> None:
        """`parameters` are names that a run may give other values, each with the cell that has its usual one."""
        super().__init__(aliases)
        self._called: list[ast.FunctionDef] = []
        self._are_paths: dict[tuple[ast.AST, str], bool] = {}
        self._file = ""
        self._wide: Evaluator | None = None
        if parameters:
            self._wide = Evaluator(aliases)
            self._wide._varies = parameters

    def texts(self, node: ast.expr, place: Place, depth: int = 0) -> tuple[Text, ...]:
        """See `Names`."""
        if depth > DEEPEST:
            return (hole(node),)
        result = self._texts(node, place, depth + 1)
        distinct = tuple(dict.fromkeys(result))
        found = distinct if distinct and len(distinct) <= MOST else (hole(node),)
        return self._widened(found, node, place) if depth == 0 and self._wide is not None else found

    def _widened(self, found: tuple[Text, ...], node: ast.expr, place: Place) -> tuple[Text, ...]:
        """The same texts, each with what is left of it where parameters are not known."""
        wide = self._wide.texts(node, place) if self._wide is not None else ()
        if len(wide) != len(found):
            return found
        return tuple(
            replace(one, wide=other.text) if one.known and not other.known else one
            for one, other in zip(found, wide, strict=True)
        )

    def knows(
        self,
        own: OwnNames,
        file: str = "",
        package: str = "",
        assumed: Collection[ast.FunctionDef] = (),
    ) -> None:
        """Have it look up what is imported from own modules; `file` is its own, if it is that of one of a `package`.

        `assumed` are functions of the code that stand in it as they are where nothing is given to them (`settled`).
        """
        self._own, self._file, self._package, self._called = own, file, package, own.called
        self.assumed = assumed
        if self._wide is not None:
            self._wide.knows(own, file, package, assumed)

    def is_path_of(self, node: ast.expr, name: str) -> bool:
        """Whether an expression is the path or text that a name is: `Path(name)`, `str(name)`, the name itself."""
        while isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            if self.dotted(node.func) not in _PATHS | _SAME:
                return False
            node = node.args[0]
        return isinstance(node, ast.Name) and node.id == name

    def _texts(self, node: ast.expr, place: Place, depth: int) -> tuple[Text, ...]:
        if isinstance(node, Given):
            return node.texts
        if (whole := self._of_last_part(node)) is not None:
            lasts = tuple(map(behind_the_slash, self.texts(whole, place, depth)))
            if all(text.known or LAST_OF_ONE.fullmatch(text.text) for text in lasts):
                return lasts
        if isinstance(node, ast.Constant):
            return (Text(str(node.value)),) if isinstance(node.value, str | int | float) else (hole(node),)
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._piece(value, place, depth) for value in node.values])
        if isinstance(node, ast.Name):
            return self._name(node, place, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
            return self._binary(node, place, depth)
        if isinstance(node, ast.IfExp):
            both = (*self.texts(node.body, place, depth), *self.texts(node.orelse, place, depth))
            return tuple(replace(text, perhaps=True) for text in both)
        if isinstance(node, ast.Call):
            return self._call(node, place, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, place, depth)
        if isinstance(node, ast.Subscript):
            return self._item(node, place, depth)
        return (hole(node),)

    def _of_last_part(self, node: ast.expr) -> ast.expr | None:
        """The path or address of which an expression is what stands behind the last slash: `url.split("/")[-1]`."""
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            return (
                node.args[0] if self.dotted(node.func) in ("os.path.basename", "posixpath.basename") else None
            )
        if isinstance(node, ast.Attribute) and node.attr == "name" and isinstance(node.value, ast.Call):
            of_path = self.dotted(node.value.func) in _PATHS and len(node.value.args) == 1
            return node.value.args[0] if of_path else None
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Call):
            return None
        call, number = node.value, ast.unparse(node.slice)
        first = call.args[0] if call.args else None
        if (
            not isinstance(call.func, ast.Attribute)
            or not isinstance(first, ast.Constant)
            or first.value != "/"
        ):
            return None
        last = {"split": ("-1",), "rsplit": ("-1",), "rpartition": ("-1", "2")}.get(call.func.attr, ())
        return call.func.value if number in last else None

    def _piece(self, node: ast.expr, place: Place, depth: int) -> tuple[Text, ...]:
        if isinstance(node, ast.FormattedValue):
            if node.format_spec is not None or node.conversion not in (-1, ord("s")):
                return (hole(node.value),)
            return self.texts(node.value, place, depth)
        return self.texts(node, place, depth)

    def _joined(self, pieces: list[tuple[Text, ...]]) -> tuple[Text, ...]:
        return tuple(
            Text(
                "".join(piece.text for piece in choice),
                all(piece.known for piece in choice),
                perhaps=any(piece.perhaps for piece in choice),
                start=choice[0].start if choice else None,
                whole=bool(choice) and choice[0].whole,
            )
            for choice in itertools.islice(itertools.product(*pieces), MOST + 1)
        )

    def _binary(self, node: ast.BinOp, place: Place, depth: int) -> tuple[Text, ...]:
        left, right = self.texts(node.left, place, depth), self.texts(node.right, place, depth)
        if isinstance(node.op, ast.Add):
            if not (self._is_number(node.left, place) and self._is_number(node.right, place)):
                return self._joined([left, right])
            if not all(text.known and text.text.isdecimal() for text in (*left, *right)):
                return (hole(node),)
            both = itertools.islice(itertools.product(left, right), MOST + 1)
            return tuple(replace(a, text=str(int(a.text) + int(b.text))) for a, b in both)
        if not any(text.path for text in (*left, *right)) and not suits_a_path(left, right):
            return (hole(node),)
        return tuple(under(a, b) for a, b in itertools.islice(itertools.product(left, right), MOST + 1))

    def _is_number(self, node: ast.expr, place: Place) -> bool:
        """Whether it is an integer, or a name of one, or of each of a few."""
        if isinstance(node, ast.Name) and (owner := place.scope.owner(node.id)) is not None:
            bound = binding_at(owner.bindings[node.id], place)
            if bound is None or bound.value is None:
                return False
            many = (
                bound.value.elts
                if bound.each and isinstance(bound.value, ast.List | ast.Tuple)
                else [bound.value]
            )
            return all(isinstance(one, ast.Constant) and type(one.value) is int for one in many)
        return isinstance(node, ast.Constant) and type(node.value) is int

    def _name(self, node: ast.Name, place: Place, depth: int) -> tuple[Text, ...]:
        owner = place.scope.owner(node.id)
        if owner is None and node.id == "__file__" and self._file:
            return (Text(self._file, start=FIRST, whole=True),)
        if (of_module := self._of_module(node, place, depth)) is not None:
            return of_module
        binding = binding_at(owner.bindings[node.id], place) if owner else None
        if binding is None or binding.value is None or self._varies.get(node.id) == binding.cell:
            last = owner.bindings[node.id][-1].value if owner and place.function else None
            made = isinstance(last, ast.Call) and self.dotted(last.func) in _PATHS
            path = made and last is not None and self.is_path_of(last, node.id)
            return (
                replace(hole(node), path=path or (binding is not None and self._says_path(binding.said))),
            )
        there = Place(binding.cell, binding.statement, owner or place.scope)
        if not binding.each:
            return self.texts(binding.value, there, depth)
        if isinstance(binding.value, ast.List | ast.Tuple) and len(binding.value.elts) <= MOST:
            return tuple(text for item in binding.value.elts for text in self.texts(item, there, depth))
        if isinstance(binding.value, ast.Name):
            listed = there.scope.owner(binding.value.id)
            source = binding_at(listed.bindings[binding.value.id], there) if listed else None
            if source and not source.each and isinstance(source.value, ast.List | ast.Tuple):
                return tuple(text for item in source.value.elts for text in self.texts(item, there, depth))
        return self._found_by(binding.value, there, depth) or (hole(node),)

    def _found_by(self, node: ast.expr, place: Place, depth: int) -> tuple[Text, ...]:
        """The pattern that what a loop walks through fits: `for path in sorted(Path("data").glob("*.csv"))`."""
        if isinstance(node, ast.Name):
            owner = place.scope.owner(node.id)
            source = binding_at(owner.bindings[node.id], place) if owner else None
            if owner is None or source is None or source.each or source.value is None or depth > DEEPEST:
                return ()
            there = Place(source.cell, source.statement, owner)
            return (
                self._found_by(source.value, there, depth + 1) if isinstance(source.value, ast.Call) else ()
            )
        if not isinstance(node, ast.Call):
            return ()
        name = self.dotted(node.func)
        if name in _WALKED_AS_IT_IS and node.args:
            return self._found_by(node.args[0], place, depth + 1)
        if (
            name in ("glob.glob", "glob.iglob")
            and node.args
            and not any(one.arg == "root_dir" for one in node.keywords)
        ):
            return tuple(
                one for one in self.texts(node.args[0], place, depth + 1) if one.known and "*" in one.text
            )
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("glob", "rglob", "iterdir"):
            return ()
        tails = self.texts(node.args[0], place, depth + 1) if node.args else (Text("*"),)
        found = (
            (path, posixpath.join(path.text, "**/" if node.func.attr == "rglob" else "", tail.text))
            for path in self.texts(node.func.value, place, depth + 1)
            for tail in tails
            if path.known and path.path and tail.known
        )
        return tuple(replace(path, text=text) for path, text in found if "*" in text)

    def _says_path(self, said: ast.expr | None) -> bool:
        """Whether the annotation of a parameter, or its default, says that it is a path and no string."""
        if isinstance(said, ast.Call):
            return self.dotted(said.func) in _PATHS
        names = {self.dotted(one) for one in ast.walk(said)} if said is not None else set()
        return bool(names & _PATHS) and "str" not in names

    def _of_self(self, node: ast.Attribute, place: Place, depth: int) -> tuple[Text, ...] | None:
        """An attribute of a method's own object: what a property returns, or a hole under its name."""
        whole = self.class_of_self(node.value, place)
        if whole is None:
            return None
        method = self.method_of(whole, node.attr)
        if method is not None:
            plain = isinstance(method.node, ast.FunctionDef) and is_property(method.node)
            return self._returned(ast.Call(node, [], []), place, depth) if plain else None
        key = whole.node, node.attr
        if key not in self._are_paths:
            self._are_paths[key] = False
            kept = self.kept_by(whole, node.attr)
            if kept is not None and isinstance(kept.node, ast.expr):
                texts = kept.evaluator.texts(kept.node, kept.place, depth + 1)
                self._are_paths[key] = all(text.path for text in texts)
        return (replace(hole(node), path=self._are_paths[key]),)

    def _of_module(self, node: ast.Name | ast.Attribute, place: Place, depth: int) -> tuple[Text, ...] | None:
        """What a constant of an own module is; None for what is none."""
        named = self.own_name(node, place)
        found = self._own.find(named[0]) if named is not None and self._own is not None else None
        if found is None or named is None or not isinstance(found.node, ast.expr):
            return None
        return tuple(
            asked_at(text, named[1])
            if text.known or text.text[:1] != "{"
            else replace(hole(node), path=text.path)
            for text in found.evaluator.texts(found.node, found.place, depth + 1)
        )

    def _returned(self, node: ast.Call, place: Place, depth: int) -> tuple[Text, ...] | None:
        """What a function of the notebook, or of an own module, returns that does one thing after another."""
        found = (
            self.found(node.func, place, depth) if isinstance(node.func, ast.Name | ast.Attribute) else None
        )
        me = ""
        if found is None and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            whole, me = self.class_of_self(node.func.value, place), node.func.value.id
            if whole is not None and not self.is_overridden(whole, node.func.attr):
                found = self.method_of(whole, node.func.attr)
        if found is None or not isinstance(found.node, ast.FunctionDef):
            return None
        taken = found.node.args
        mine = first_of(found.node) if me else ""
        names = [one.arg for one in (*taken.posonlyargs, *taken.args)][1 if mine else 0 :]
        plain = not any(isinstance(one, ast.Starred) for one in node.args)
        if not plain or taken.kwarg or (len(node.args) > len(names) and not taken.vararg):
            return None
        given: dict[str, ast.expr] = {
            name: _default(value, found.evaluator, found.place, depth + 1)
            for name, value in [
                *zip(reversed(names), reversed(taken.defaults), strict=False),
                *zip((one.arg for one in taken.kwonlyargs), taken.kw_defaults, strict=True),
            ]
            if value is not None
        }
        listed = [Given(self.texts(value, place, depth + 1)) for value in node.args]
        given |= dict(zip(names, listed, strict=False))
        if taken.vararg:
            given[taken.vararg.arg] = ast.Tuple(list(listed[len(names) :]), ast.Load())
        given |= {one.arg: Given(self.texts(one.value, place, depth + 1)) for one in node.keywords if one.arg}
        for one in (*names, *(one.arg for one in taken.kwonlyargs)):
            given.setdefault(one, Given((Text("{…}", known=False),)))
        inside = scope_of_call(found.node, found.place, given)
        if inside is None or found.node in self._called:
            return None
        if (node.args or node.keywords) and found.node in found.evaluator.assumed:
            return None  # it was looked at as if nothing were given (`settled`)
        self._called.append(found.node)
        there = replace(found.place, scope=inside[0], function=True)
        texts = found.evaluator.texts(inside[1], there, depth + 1)
        self._called.pop()
        told = {
            hole
            for one in (*given.values(), *listed)
            if isinstance(one, Given)
            for text in one.texts
            for hole in ONE_HOLE.findall(text.text)
        }  # others are of names that nobody outside of it knows

        def known(hole: re.Match[str]) -> str:
            if hole[0] in told:
                return hole[0]
            kept = _KEPT.fullmatch(hole[0]) if mine else None
            return f"{{{me}.{kept[2]}}}" if kept is not None and kept[1] == mine else "{…}"

        returned = tuple(replace(text, text=ONE_HOLE.sub(known, text.text)) for text in texts)
        begun = (
            text.known
            or text.text[:1] != "{"
            or (text.path and text.text[:3] != "{…}")
            or (mine and text.text.startswith(f"{{{me}."))
            for text in returned
        )
        return returned if all(begun) else None

    def _unknown(self, node: ast.Call, place: Place) -> Text:
        """What a function of an own module returns that is not known: by its name, so that it can be said."""
        named = self.own_name(node.func, place) if isinstance(node.func, ast.Name | ast.Attribute) else None
        if named is None or self._own is None or self._own.find(named[0]) is None:
            return hole(node)
        return Text(f"{{{ast.unparse(node.func)}(…)}}", known=False)

    def _call(self, node: ast.Call, place: Place, depth: int) -> tuple[Text, ...]:
        name = self.dotted(node.func)
        if name in ("os.path.dirname", "posixpath.dirname") and len(node.args) == 1:
            return tuple(
                replace(text, text=above(text) if text.whole else folder_in(text.text), path=False)
                for text in self.texts(node.args[0], place, depth)
            )
        if name in _PATHS:
            return self._path(node.args, place, depth)
        if name in ("os.path.join", "posixpath.join"):
            return tuple(replace(text, path=False) for text in self._path(node.args, place, depth))
        if name in ("os.getcwd", "pathlib.Path.cwd", "Path.cwd"):
            return (begun(Text(".", path="Path" in name, whole=True), place),)
        if name in ("pathlib.Path.home", "Path.home"):
            return (Text("~", path=True),)
        if name in _SAME and len(node.args) == 1:
            texts = self.texts(node.args[0], place, depth)
            if name in _FROM_HERE:
                texts = tuple(whole(text, place) for text in texts)
            return tuple(replace(text, path=False) for text in texts) if name != "str" or all(
                text.known for text in texts) else texts  # fmt: skip
        if (returned := self._returned(node, place, depth)) is not None:
            return returned
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, place, depth)
        return (self._unknown(node, place),)

    def _path(self, parts: list[ast.expr], place: Place, depth: int) -> tuple[Text, ...]:
        result: tuple[Text, ...] = (Text(".", path=True),)
        for texts in _spread(parts, self, place, depth):
            result = tuple(
                under(a, b) for a, b in itertools.islice(itertools.product(result, texts), MOST + 1)
            )
        return tuple(replace(text, path=True) for text in result)

    def _method(self, node: ast.Call, function: ast.Attribute, place: Place, depth: int) -> tuple[Text, ...]:
        owners = self.texts(function.value, place, depth)
        if function.attr in ("resolve", "absolute", "expanduser", "as_posix"):
            if function.attr in ("resolve", "absolute"):
                owners = tuple(whole(text, place) for text in owners)
            return owners if any(text.path for text in owners) else (hole(node),)
        if function.attr == "joinpath":
            parts = list(_spread(node.args, self, place, depth))
            return tuple(
                under(*choice) for choice in itertools.islice(itertools.product(owners, *parts), MOST + 1)
            )
        if function.attr in ("with_suffix", "with_name") and len(node.args) == 1:
            return tuple(
                renamed(owner, new, function.attr)
                for owner in owners
                for new in self.texts(node.args[0], place, depth)
            )
        if function.attr == "format" and all(text.known for text in owners) and not node.keywords:
            return self._formatted(node, owners, place, depth)
        return (self._unknown(node, place),)

    def _formatted(
        self, node: ast.Call, owners: tuple[Text, ...], place: Place, depth: int
    ) -> tuple[Text, ...]:
        """`"a_{}.csv".format(x)`: only plain `{}` are filled."""
        arguments = [self.texts(argument, place, depth) for argument in node.args]
        owner = owners[0].text
        if len(owners) > 1 or owner.count("{}") != len(arguments) or owner.count("{") != len(arguments):
            return (replace(owners[0], known=False),)
        pieces = owner.split("{}")
        mixed: list[tuple[Text, ...]] = [(Text(pieces[0]),)]
        for argument, piece in zip(arguments, pieces[1:], strict=True):
            mixed += [argument, (Text(piece),)]
        return self._joined(mixed)

    def _attribute(self, node: ast.Attribute, place: Place, depth: int) -> tuple[Text, ...]:
        if (there := self._of_module(node, place, depth)) is not None:
            return there
        if node.attr == "parent":
            owners = self.texts(node.value, place, depth)
            if all(text.path for text in owners):
                return tuple(replace(text, text=above(text)) for text in owners)
        if self.dotted(node) in _SIGNS:
            return (Text(_SIGNS[self.dotted(node)]),)
        if (kept := self._of_self(node, place, depth)) is not None:
            return kept
        return self._written_down(node, place, depth)

    def _item(self, node: ast.Subscript, place: Place, depth: int) -> tuple[Text, ...]:
        """`CONFIG["data"]`, where CONFIG is written once as a dictionary and never written into; `path.parents[1]`."""
        number = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(number, int) and isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            owners = self.texts(node.value.value, place, depth)
            if all(text.path for text in owners) and 0 <= number < DEEPEST:
                for _ in range(number + 1):
                    owners = tuple(replace(text, text=above(text)) for text in owners)
                return owners
        return self._written_down(node, place, depth)

    def _written_down(
        self, node: ast.Attribute | ast.Subscript, place: Place, depth: int
    ) -> tuple[Text, ...]:
        found = self.found(node, place, depth)
        if found is None or not isinstance(found.node, ast.expr):
            return (hole(node),)
        texts = found.evaluator.texts(found.node, found.place, depth + 1)
        first = node.value
        while isinstance(first, ast.Attribute | ast.Subscript):
            first = first.value
        named = self.own_name(first, place) if isinstance(first, ast.Name) else None
        return texts if named is None else tuple(asked_at(text, named[1]) for text in texts)


_KEPT = re.compile(r"\{(\w+)\.(\w+)\}")
"""What an object keeps, as a hole."""
_SIGNS = {"os.pardir": "..", "os.curdir": ".", "os.sep": "/", "os.path.pardir": "..", "os.path.sep": "/"}
_PATHS = frozenset(
    f"{prefix}{name}"
    for prefix in ("pathlib.", "")
    for name in ("Path", "PurePath", "PosixPath", "WindowsPath", "PurePosixPath")
)
_FROM_HERE = frozenset({"os.path.abspath", "os.path.realpath"})
_SAME = frozenset(
    {"str", "os.fspath", "os.path.expanduser", "os.path.abspath", "os.path.normpath", "os.path.realpath"}
)


def _default(value: ast.expr, names: Names, place: Place, depth: int) -> ast.expr:
    """The default of a parameter: what it is where the function is defined, if that is known."""
    texts = names.texts(value, place, depth)
    return Given(texts) if all(text.known for text in texts) else value


def _spread(parts: list[ast.expr], names: Names, place: Place, depth: int) -> Iterator[tuple[Text, ...]]:
    """What each argument may be, `*parts` one by one where it is known what they are."""
    for part in parts:
        if not isinstance(part, ast.Starred):
            yield names.texts(part, place, depth)
            continue
        found = names.found(part.value, place, depth)
        if found is None or not isinstance(found.node, ast.Tuple | ast.List):
            yield (hole(part),)
        else:
            yield from _spread(found.node.elts, found.evaluator, found.place, depth + 1)
