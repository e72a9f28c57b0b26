"""Editing arrays of tables: elements come, go and move, and everything that a person wrote around them stays."""

from __future__ import annotations

import copy
import re
import tomllib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.toml import merged
from agilab.contracts.toml_layout import layout
from agilab.contracts.toml_spelling import spelled, spelled_document

LAB = '''# My study
schema = "agilab.lab_stages.v2"  # v2

# all of it
[lab]
title = "T"   # the title

# ---- Load ----

# first
[[stages]]
id = "load"     # L
code = \'\'\'
import os   # x = 1
y = """[[stages]]"""
\'\'\'
inputs = [
  "a", # one
  { name = "b", from = "c" },
]
[stages.origin]
notebook = "n.ipynb"

# ---- Clean ----

# about clean
[[stages]]
id = "clean"
code = "x"
# the end of clean

# about report
[[stages]]
id = "report"
code = "y"

# the last word
'''


def stages() -> dict[str, Any]:
    """What the example means, to be changed."""
    return tomllib.loads(LAB)


def test_what_is_not_changed_stays_byte_for_byte() -> None:
    assert merged(LAB, stages(), "s.toml") == LAB
    crlf = LAB.replace("\n", "\r\n")
    assert merged(crlf, tomllib.loads(crlf), "s.toml") == crlf


def test_an_edit_of_one_element_touches_its_line_alone() -> None:
    plain = stages()
    plain["stages"][1]["code"] = "x = 1\nz = 2\n"
    plain["stages"][0]["origin"]["cells"] = ["a"]

    expected = LAB.replace('code = "x"', "code = '''\nx = 1\nz = 2\n'''").replace(
        'notebook = "n.ipynb"\n', 'notebook = "n.ipynb"\ncells = ["a"]\n'
    )
    assert merged(LAB, plain, "s.toml") == expected


def test_a_new_key_stands_where_the_order_has_it() -> None:
    plain = stages()
    plain["stages"][1] = {"id": "clean", "title": "Clean", "code": "x", "outputs": ["t"]}

    assert 'id = "clean"\ntitle = "Clean"\ncode = "x"\noutputs = ["t"]\n# the end of clean\n' in merged(
        LAB, plain, "s.toml"
    )


def test_a_moved_element_takes_its_own_comments_along_and_no_banner() -> None:
    plain = stages()
    plain["stages"] = [plain["stages"][1], plain["stages"][0], plain["stages"][2]]

    after = merged(LAB, plain, "s.toml")

    assert re.findall("^#.*", after, re.M) == [
        "# My study",
        "# all of it",
        "# ---- Load ----",
        *("# about clean", "# the end of clean", "# first"),
        *("# ---- Clean ----", "# about report", "# the last word"),
    ]
    assert "\n\n\n" not in after


def test_a_removed_element_goes_with_its_comment_and_a_banner_stays() -> None:
    plain = stages()
    del plain["stages"][1]

    after = merged(LAB, plain, "s.toml")

    gone = '# about clean\n[[stages]]\nid = "clean"\ncode = "x"\n# the end of clean\n\n'
    assert after == LAB.replace(gone, "")


def test_a_renamed_element_keeps_its_layout() -> None:
    plain = stages()
    plain["stages"][0]["id"] = "read"

    assert merged(LAB, plain, "s.toml") == LAB.replace('id = "load"', 'id = "read"')


def test_a_new_element_comes_in_between() -> None:
    plain = stages()
    plain["stages"].insert(1, {"id": "new", "code": "a = 1\nb = 2\n", "extra": {"deep": {"x": 1}}})

    new = "[[stages]]\nid = \"new\"\ncode = '''\na = 1\nb = 2\n'''\n\n[stages.extra]\ndeep = { x = 1 }\n"
    before, after = LAB.split("\n# ---- Clean ----\n")
    assert merged(LAB, plain, "s.toml") == f"{before}\n{new}\n# ---- Clean ----\n{after}"


def test_all_of_them_may_go_and_others_come() -> None:
    empty = merged(LAB, {**stages(), "stages": []}, "s.toml")
    assert tomllib.loads(empty)["stages"] == []
    assert "# all of it" in empty

    again = merged(empty, stages(), "s.toml")
    assert tomllib.loads(again) == stages()


def test_a_table_of_the_whole_comes_before_the_elements() -> None:
    before = '# mine\n\n[[stages]]\nid = "a"\n'

    after = merged(
        before, {"lab": {"title": "T", "params": {"x": {"y": 1}}}, **tomllib.loads(before)}, "s.toml"
    )

    assert after == '# mine\n\n[lab]\ntitle = "T"\n\n[lab.params]\nx = { y = 1 }\n\n[[stages]]\nid = "a"\n'


def test_elements_with_other_tables_between_them_are_edited_in_place() -> None:
    text = '[[stages]]\nid = "a"\n[lab]\ntitle = "T"\n[[stages]]\nid = "b"\n'
    plain = tomllib.loads(text)
    plain["stages"][1]["code"] = "x"

    assert merged(text, plain, "s.toml") == f'{text}code = "x"\n'


CODE = st.text(st.sampled_from("ab'\"\\\n\r\t #é\x0c\x7f[]="), max_size=12)


@given(CODE)
@settings(max_examples=500)
def test_any_text_comes_back_from_its_block(text: str) -> None:
    assert tomllib.loads(f"x = {spelled(text)}\n") == {"x": text}
    assert tomllib.loads(spelled_document({"x": text, "t": [{"c": text}]})) == {"x": text, "t": [{"c": text}]}
    if "\n" in text:
        assert spelled(text)[:3] in ("'''", '"""')
        assert spelled(text).count("\n") == text.count("\n") + 1  # as many lines as the text has


COMMENT = st.sampled_from(["", "", "\n", "# c{n}\n", "\n# c{n}\n", "# c{n}\n\n", "\n# c{n}\n\n# d{n}\n"])
VALUE = st.sampled_from(
    [
        "1",
        '"x"',
        "'''\n[[stages]]\n# no comment\n'''",
        "[1, # one\n 2]",
        "{ a = 1, b = '}' }",
        "1979-05-27 07:32:00",
    ]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """TOML with an array of tables as people might lay it out, each comment another one."""
    number = 0

    def comment() -> str:
        nonlocal number
        number += 1
        return draw(COMMENT).replace("{n}", str(number))

    parts = [comment()]
    if draw(st.booleans()):
        parts += ['schema = "s"', draw(st.sampled_from(["", "  # at the end"])), "\n", comment()]
    if draw(st.booleans()):
        parts += ["[lab]\n", comment(), 'title = "T"\n', comment()]
    for name in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)):
        parts += ["[[stages]]\n", comment(), f'id = "{name}"\n']
        for key in draw(st.lists(st.sampled_from(["k", "l.m", '"q r"']), unique=True, max_size=2)):
            parts += [comment(), f"{key} = {draw(VALUE)}\n"]
        if draw(st.booleans()):
            parts += [comment(), "[stages.origin]\n", f"cells = {draw(VALUE)}\n"]
        parts.append(comment())
    return "".join(parts)


@given(texts(), st.data())
@settings(max_examples=120)
def test_any_edit_means_what_it_should_and_loses_no_comment_of_what_stays(
    text: str, data: st.DataObject
) -> None:
    old = tomllib.loads(text)
    assert (
        merged(text, old, "s.toml") == (text if text.endswith("\n") or not text else text + "\n") or not old
    )
    new = copy.deepcopy(old)
    found = new.setdefault("stages", [])
    removed = False
    for _ in range(data.draw(st.integers(1, 4))):
        change = data.draw(st.sampled_from(["move", "remove", "add", "set", "lab"]))
        if change == "add":
            fresh = {"id": f"n{len(found)}{data.draw(st.integers(0, 99))}", "code": "a\nb\n"}
            found.insert(data.draw(st.integers(0, len(found))), fresh)
        elif change == "lab":
            new.setdefault("lab", {})["params"] = {"x": [1, 2]}
        elif found:
            at = data.draw(st.integers(0, len(found) - 1))
            if change == "move":
                found.insert(data.draw(st.integers(0, len(found) - 1)), found.pop(at))
            elif change == "remove":
                found.pop(at)
                removed = True
            else:
                found[at]["title"] = "new"

    after = merged(text, new, "s.toml")  # raises where the text would not mean `new`

    if not removed:
        for comment in re.findall(r"^# [cd]\d+$", text, re.M):
            assert comment in after.splitlines(), comment
    assert merged(after, new, "s.toml") == after


@given(texts())
@settings(max_examples=200)
def test_a_layout_knows_where_everything_stands(text: str) -> None:
    found = layout(text)

    for path, pair in found.pairs.items():
        here: Any = tomllib.loads(text)
        for part in path:
            here = here[part]
        assert tomllib.loads(f"x = {text[pair.value : pair.end]}") == {"x": here}
        assert text.splitlines()[found.line(pair.key) - 1][found.column(pair.key) - 1 :].startswith(
            text[pair.key : pair.key + 3].splitlines()[0]
        )
    covered = [(region.lead, region.end) for region in found.regions]
    assert covered == sorted(covered)
    assert all(one[1] <= other[0] for one, other in pairwise(covered))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("lab", "title"), 6),
        (("stages", 0), 11),
        (("stages", 0, "inputs", 1, "from"), 19),
        (("stages", 1, "no"), 27),
    ],
)
def test_a_place_is_a_line(path: tuple[str | int, ...], line: int) -> None:
    found = layout(LAB)
    assert found.line(found.offset(path)) == line


def test_a_line_of_code_is_a_line_of_the_file() -> None:
    found = layout(LAB)
    assert found.code_line(("stages", 0, "code"), 2) == 15
    assert LAB.splitlines()[14].startswith("y = ")
    assert found.code_line(("stages", 1, "code"), 1) is None


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("more", ["", "\n# a word at the end\n", "\n\n"])
def test_a_table_that_was_added_and_taken_away_leaves_no_line_behind(ends: str, more: str) -> None:
    """As an answer that is accepted and undone: what it says of itself is the last in the file."""
    text = f'[[stages]]\nid = "a"\n\n[[stages]]\nid = "b"\ncode = """\nx\n"""\n{more}'.replace("\n", ends)
    plain = tomllib.loads(text)
    richer = tomllib.loads(text)
    richer["stages"][1] |= {"origin": {"mode": "made" * 30}, "last_run": {"run": "r" * 90, "seconds": 1.5}}

    added = merged(text, richer, "x")
    assert tomllib.loads(added) == richer
    assert merged(added, plain, "x").rstrip() == text.rstrip()
    if not more:
        assert merged(added, plain, "x") == text
