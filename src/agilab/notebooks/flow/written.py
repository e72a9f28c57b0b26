"""What a call writes into: arguments that functions and methods change, whoever looks at their results."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agilab.notebooks.flow.states import words

_INTO = words("""file out ax buf output outfile dst""")
"""Keywords whose value is written into."""
_METHODS = {
    "shuffle": 0,
    "readinto": 0,
    "readinto1": 0,
    "recv_into": 0,
    "pack_into": 0,
    "update_state": 0,
}
"""Methods that change one of their arguments, and which: those of random generators and of buffers."""
_UNARY = words(
    """
    abs absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil conj conjugate cos cosh deg2rad degrees exp
    exp2 expm1 fabs floor invert log log10 log1p log2 logical_not negative positive rad2deg radians reciprocal rint
    sign sin sinh sqrt square tan tanh trunc isnan isfinite isinf signbit spacing
    """
)
_BINARY = words(
    """
    add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide equal float_power floor_divide fmax fmin fmod gcd
    greater greater_equal heaviside hypot lcm ldexp left_shift less less_equal logaddexp logical_and logical_or
    logical_xor matmul maximum minimum mod multiply nextafter not_equal power remainder right_shift subtract
    true_divide dot outer all any argmax argmin round around
    """
)
_TERNARY = words("""clip cumsum cumprod sum prod mean take compress""")
_SEVERAL = {"divmod": (2, 3), "modf": (1, 2), "frexp": (1, 2)}
_OBJECT = ("object", "'object'", "'O'", "np.object_")
_OF_PYTHON = words("""list dict set bytearray ndarray""")
"""Classes with small names whose methods are called by them: `list.append(xs, x)`."""
_COPIES_ONLY_IF_TOLD = ("sklearn.", "numpy.nan_to_num", "scipy.linalg.")


def is_written(keyword: object) -> bool:
    """Whether what is given by this keyword is changed."""
    return keyword in _INTO


def may_be_told(node: ast.AST) -> bool:
    """Whether it is a dict that has such a keyword as a key: `{"out": b}`, `dict(out=b)`; axes are tied anyway."""
    if isinstance(node, ast.Dict):
        named = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        named = [each.arg for each in node.keywords]
    else:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        key = target.slice if isinstance(target, ast.Subscript) else None
        named = [key.value] if isinstance(key, ast.Constant) else []
    return any(name != "ax" and is_written(name) for name in named)


def of_method(name: str) -> int | None:
    """The argument that a method of this name changes, if it does.

    >>> of_method("shuffle"), of_method("sample")
    (0, None)
    """
    return _METHODS.get(name)


def of_function(full: str) -> tuple[int, ...]:
    """The places of the arguments into which a function of NumPy writes its results, if they are given by place.

    >>> of_function("numpy.add"), of_function("numpy.modf"), of_function("numpy.zeros")
    ((2,), (1, 2), ())
    """
    top, _, name = full.partition(".")
    if top != "numpy":
        return ()
    if name in _SEVERAL:
        return _SEVERAL[name]
    return (1,) if name in _UNARY else (2,) if name in _BINARY else (3,) if name in _TERNARY else ()


def by_its_class(full: str) -> str | None:
    """The method that is called by its class, with its owner as the first argument.

    >>> by_its_class("numpy.ndarray.sort"), by_its_class("list.append"), by_its_class("numpy.sort")
    ('sort', 'append', None)
    """
    before, _, name = full.rpartition(".")
    owner = before.rpartition(".")[2]
    return name if owner in _OF_PYTHON or owner[:1].isupper() or owner == "deque" else None


def overwrites(node: ast.Call) -> bool:
    """Whether a call says that what it is given may be overwritten: `copy=False`, `overwrite_a=True`."""
    return any(_allows(each) for each in node.keywords)


def overwritten(full: str, node: ast.Call) -> Iterator[int]:
    """The places of the arguments that a library's function may overwrite as it was told."""
    if full.rpartition(".")[2][:1].isupper():
        return  # what it makes does, with what its methods are given
    for each in node.keywords:
        name = each.arg or ""
        if _allows(each) and (name.startswith("overwrite") or full.startswith(_COPIES_ONLY_IF_TOLD)):
            yield from range(len(node.args))


def takes_objects(node: ast.Call) -> bool:
    """Whether a call makes an array of whatever objects it is given: `dtype=object`."""
    return any(each.arg == "dtype" and ast.unparse(each.value) in _OBJECT for each in node.keywords)


def shares_as_told(node: ast.Call) -> bool:
    """Whether a call may give back what it was given, as `copy` says."""
    return any(
        each.arg == "copy" and not (isinstance(each.value, ast.Constant) and each.value.value is True)
        for each in node.keywords
    )


def _allows(each: ast.keyword) -> bool:
    name, value = each.arg or "", each.value
    fixed = value.value if isinstance(value, ast.Constant) else ...
    if name in ("copy", "copy_X", "copy_x"):
        return fixed is not True
    return (name == "inplace" or name.startswith("overwrite")) and fixed not in (False, None, 0)
