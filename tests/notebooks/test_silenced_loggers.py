# ruff: noqa: E501 -- each line is a text
"""A configuration of `logging` silences the loggers that are there: each stage hears those that the notebook hears.

The oracle is a plain script: the cells one after another in one process, and each stage in a process of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.module_states import with_modules
from agilab.notebooks.flow.plan import Plan, plan
from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import said, staged

CONFIG = "{'version': 1, 'handlers': {'h': {'class': 'logging.StreamHandler', 'stream': 'ext://sys.stdout'}}, 'root': {'level': 'INFO', 'handlers': ['h']}}"
CALM = f"{CONFIG[:-1]}, 'disable_existing_loggers': False}}"
L = "import logging\nfrom logging.config import dictConfig\n"
X = "log = logging.getLogger('x')"
MODULES = {
    "conf.py": f"import logging.config\nCFG = {CONFIG}\ndef setup():\n    logging.config.dictConfig(CFG)\n",
    "top.py": f"import logging.config\nlogging.config.dictConfig({CONFIG})\n",
    "own.py": "import logging\nlog = logging.getLogger(__name__)\ndef f(x):\n    log.info('f %s', x)\n    return x\n",
    "both.py": f"import logging.config\ndef setup():\n    logging.config.dictConfig({CONFIG})\nlog = logging.getLogger('both')\ndef f(x):\n    log.info('f %s', x)\n    return x\n",
}
ALIKE: dict[str, tuple[str, ...]] = {
    "configured first, in one cell": (f"{L}dictConfig({CONFIG})\n{X}", "log.info('1')", "log.info('2')"),
    "configured first": (L, f"dictConfig({CONFIG})", X, "log.info('1')", "log.info('2')"),
    "configured last": (f"{L}{X}", f"dictConfig({CONFIG})", "log.info('1')\nprint(log.disabled)", "print(log.disabled)"),
    "configured in between": (f"{L}{X}\ndictConfig({CONFIG})\nlog2 = logging.getLogger('y')", "log.info('1')\nlog2.info('1')", "log.info('2')\nlog2.info('2')"),
    "configured again": (f"{L}dictConfig({CONFIG})\n{X}", "log.info('1')", f"dictConfig({CONFIG})", "log.info('2')\nprint(log.disabled)"),
    "the same logger again": (f"{L}{X}", f"dictConfig({CONFIG})\nother = logging.getLogger('x')", "other.info('1')\nprint(other.disabled)"),
    "by its module's name": (f"{L}dictConfig({CONFIG})\nlog = logging.getLogger(__name__)", "log.info('1')", "log.info('2')"),
    "a function that logs": (f"{L}dictConfig({CONFIG})\n{X}\ndef f(x):\n    log.info('f')\n    return x", "print(f(1))", "print(f(2))"),
    "a function that configures": (f"{L}def setup():\n    dictConfig({CONFIG})", f"setup()\n{X}", "log.info('1')", "log.info('2')"),
    "by a module": (f"import logging, conf\nconf.setup()\n{X}", "log.info('1')", "log.info('2')"),
    "by importing a module": (f"import logging, top\n{X}", "log.info('1')", "log.info('2')"),
    "a module that is imported below": (f"{L}dictConfig({CONFIG})", "import own", "print(own.f(1))", "print(own.f(2))"),
    "a module that is imported above": (f"{L}import own\ndictConfig({CONFIG})", "print(own.f(1), own.log.disabled)", "print(own.f(2))"),
    "two modules": ("import conf\nconf.setup()\nfrom own import f", "print(f(1))", "print(f(2))"),
    "two modules, the other way": ("from own import f\nimport conf\nconf.setup()", "print(f(1))", "print(f(2))"),
    "a module that silences itself": ("import both\nboth.setup()", "print(both.f(1))", "print(both.f(2))"),
    "importing what configures, and then what logs": ("import top, own", "print(own.f(1))", "print(own.f(2))"),
    "nobody is silenced": (f"{L}{X}\ndictConfig({CALM})", "log.info('1')", "log.info('2')"),
}  # fmt: skip


def _laid(folder: Path) -> Path:
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", ALIKE)
def test_stages_log_what_the_notebook_logs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = ALIKE[name]
    beside = _laid(tmp_path / "beside")
    monkeypatch.setenv("PYTHONPATH", str(beside))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    told = printed_as_stages(staged(cells, folder=beside).lab, tmp_path / "apart", beside, apart=True)

    expected = "".join(printed_as_notebook(notebook("\n".join(cells)), _laid(tmp_path / "whole")))
    assert expected.strip()
    assert "".join(told) == expected


@pytest.mark.parametrize("text", [f"CFG = {CALM}\ndictConfig(CFG)", f"dictConfig({CALM})", f"dictConfig(config={CALM})"])  # fmt: skip
def test_where_nobody_is_silenced_nothing_more_is_said(text: str) -> None:
    made = _planned((f"{L}{text}\n{X}", "log.info('1')"))

    assert [one.text.partition("(")[0] for _, one in made.stages[1].repeated] == ["dictConfig"]


@pytest.mark.parametrize(
    "cell",
    ["log = logging.getLogger('x' + str(n))", "log = logging.getLogger('a').getChild('b')", "log = get('x')"],
)
def test_a_logger_that_crosses_as_a_value_is_let_speak_by_its_variable(cell: str) -> None:
    head = f"{L}dictConfig({CONFIG})\nn = len([1])\ndef get(name):\n    return logging.getLogger(name)\n"
    made = _planned((head, cell, "log.info('1')"))

    assert [one.text for _, one in made.stages[2].repeated][-1] == "log.disabled = False"


def test_loggers_whose_names_are_not_in_the_text_are_told() -> None:
    head = f"{L}dictConfig({CONFIG})\nclass A:\n    def __init__(self):\n        self.log = logging.getLogger(type(self).__name__)\n"

    found = staged((head, "a = A()", "a.log.info('1')"))

    assert said(found, "NB-613") == [
        "that a logger speaks which is got here, after the configuration above, holds only in the stage of this cell"
    ]
    assert not said(staged((head, "b = 1", "print(b)")), "NB-613")


def test_without_a_configuration_loggers_are_nothing_that_is_repeated() -> None:
    made = _planned((f"import logging, own\n{X}", "log.info('1')", "print(own.f(1))"))

    assert not any(stage.repeated for stage in made.stages)


def _planned(cells: tuple[str, ...]) -> Plan:
    texts = {name.removesuffix(".py"): text for name, text in MODULES.items()}
    return plan(Links(with_modules(cells, texts, figures_stay=False), keeps_all=True), per="cell")
