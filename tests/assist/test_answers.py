"""From the text of an answer to what it says."""

from __future__ import annotations

import json

import pytest

from agi_node.errors import AgiError
from agilab.assist.answers import read_answer

ACTIONS = json.dumps(
    {"schema": "agilab.safe_actions.v1", "table": "df", "actions": [{"do": "limit", "rows": 3}]}
)


@pytest.mark.parametrize(
    "text",
    [
        ACTIONS,
        f"```json\n{ACTIONS}\n```",
        f"Here you are:\n\n```json\n{ACTIONS}\n```\nEnjoy.",
        f"~~~\n{ACTIONS}\n~~~",
        f"```JSON\r\n{ACTIONS}\r\n```\r\n",
    ],
)
def test_safe_actions_are_found(text: str) -> None:
    found = read_answer(text, "either", "it").actions

    assert found is not None
    assert [action.do for action in found.actions] == ["limit"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("Sure.\n```py\nx = 1  \n\n\ny = 2\n```\nDone.", "x = 1\n\n\ny = 2\n"),
        ("import pandas as pd\n# recipe 12", "import pandas as pd\n# recipe 12\n"),
        ("```\nx = '''a  \n'''\n```", "x = '''a  \n'''\n"),
        ("<think>maybe ```python\ny = 1/0\n```</think>\n```python\nx = 1\n```", "x = 1\n"),
        ("\n<think>\nMaybe:\n```python\ny = 2\n```\nNo.\n</think>\n\n```python\nx = 1\n```", "x = 1\n"),
        ("<thinking>\nA filter.\n</thinking>\n\nx = 1", "x = 1\n"),
        ("A filter, perhaps.\n```python\ny = 2\n```\n</think>\n```python\nx = 1\n```", "x = 1\n"),
        ("```python\nx = '</think>'\n```", "x = '</think>'\n"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
    ],
)
def test_code_is_found_just_as_it_is(text: str, code: str) -> None:
    assert read_answer(text, "either", "it").code == code


@pytest.mark.parametrize(
    ("text", "wants", "found"),
    [
        ("", "either", "nothing"),
        ("<think>```python\nx = 1\n```", "either", "nothing"),
        ("Sorry", "either", "“Sorry”"),
        ("I would rather not.", "code", "“I would rather not.”"),
        ("x = 1", "actions", "“x = 1”"),
        ("```bash\nrm -rf /\n```", "code", "blocks of bash"),
        ("```python\nx = 1", "code", "“```python x = 1”"),
    ],
)
def test_what_is_neither_is_refused_with_its_beginning(text: str, wants: str, found: str) -> None:
    with pytest.raises(AgiError, match="no answer that can be used") as caught:
        read_answer(text, wants, "it")  # type: ignore[arg-type]  # one of the words

    assert (caught.value.code, caught.value.found) == ("AGI-ASSIST-010", found)


def test_several_blocks_are_no_answer() -> None:
    with pytest.raises(AgiError, match="several answers in one"):
        read_answer("```python\nx = 1\n```\n```python\nx = 2\n```", "either", "it")


def test_actions_that_are_none_are_refused_with_the_place() -> None:
    text = '{"schema": "agilab.safe_actions.v1", "table": "df", "actions": [{"do": "eval", "code": "1"}]}'

    with pytest.raises(AgiError, match=r"the answer of it: actions\[0\] is no action"):
        read_answer(text, "either", "it")
