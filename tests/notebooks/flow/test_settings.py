"""What statements set of libraries, and how it is said where it is repeated."""

from __future__ import annotations

import pytest

from agilab.notebooks.flow.findings import flow_findings
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, plan

IMPORTS = (
    "import json, keyword, logging, mimetypes, sys\nimport numpy as np\nimport pandas as pd\n"
    "import matplotlib.pyplot as plt"
)
USES = "print(keyword.kwlist, mimetypes.types_map, np.pi, pd.DataFrame())\nlogging.info('x')\nplt.plot([1])"


def _plan(*cells: str) -> Plan:
    return plan(Links(analyse_cells((IMPORTS, *cells, USES))), per="cell")


def _repeated(*cells: str) -> list[str]:
    """What the stage of the last cell repeats."""
    return [one.text for _, one in _plan(*cells).stages[-1].repeated]


def _lost(*cells: str) -> list[tuple[int | None, int | None]]:
    made = _plan(*cells)
    found = flow_findings(made, [], range(len(cells) + 2))
    return [(one.cell, one.line) for one in found if one.code == "NB-613"]


@pytest.mark.parametrize(
    "setting",
    [
        "keyword.kwlist.remove('yield')",
        "keyword.kwlist.sort(reverse=True)",
        "keyword.softkwlist.clear()",
        "mimetypes.types_map.popitem()",
        "if 'yield' in keyword.kwlist:\n    keyword.kwlist.remove('yield')",
        "for _ in range(2):\n    keyword.kwlist.pop()",
    ],
)
def test_what_is_taken_out_of_a_library_s_list_is_taken_out_again(setting: str) -> None:
    assert _repeated(setting) == [setting.replace("for _ ", "for __ ")]


@pytest.mark.parametrize(
    ("statement", "again"),
    [
        ("last = keyword.kwlist.pop()", "keyword.kwlist.pop()"),
        ("print('the last:', keyword.kwlist.pop())", "keyword.kwlist.pop()"),
        ("old = np.seterr(all='ignore')", "np.seterr(all='ignore')"),
        ("n = len(keyword.kwlist.pop(0))", "keyword.kwlist.pop(0)"),
    ],
)
def test_a_setting_whose_result_is_taken_is_repeated_by_itself(statement: str, again: str) -> None:
    assert _repeated(statement) == [again]


@pytest.mark.parametrize(
    "statement",
    [
        "print(keyword.kwlist.pop() if keyword.kwlist else None)",
        "if keyword.kwlist:\n    print(keyword.kwlist.pop())",
        "for kind in (pd.DataFrame, pd.Series):\n    kind.total = len; print(kind)",
    ],
)
def test_what_would_be_printed_again_is_lost_and_said(statement: str) -> None:
    assert _repeated(statement) == []
    assert [cell for cell, _ in _lost(statement)] == [1]


def test_lists_of_the_notebook_s_own_are_no_settings() -> None:
    own = "own = [3, 1]\nown.sort()\nlast = own.pop()"
    table = "df = pd.DataFrame({'a': [1]})\na = pd.DataFrame.pop(df, 'a')"
    assert _repeated(own, table, "sys.modules.pop('tools', None)") == []


@pytest.mark.parametrize(
    "setting",
    [
        "logging.getLogger().handlers.clear()",
        "logging.root.handlers.pop()",
        "logging.getLogger('a').propagate = False",
        "logging.getLogger('a').handlers = []",
        "for _h in logging.root.handlers[:]:\n    logging.root.removeHandler(_h)",
        "while logging.root.handlers:\n    logging.root.removeHandler(logging.root.handlers[0])",
        "for _name, _level in [('a', 10), ('b', 20)]:\n    logging.getLogger(_name).setLevel(_level)",
    ],
)
def test_loggers_are_silent_in_later_stages_too(setting: str) -> None:
    """Their handlers were there again, and what the notebook did not write any more was written."""
    assert _repeated(setting.replace("_h", "h").replace("_name", "name").replace("_level", "level")) == [
        setting
    ]


def test_a_logger_is_set_by_its_name_and_what_is_given_one_is_none() -> None:
    begin = "import lightning\nlog = logging.getLogger('a')"
    assert _repeated(begin, "log.disabled = True") == ["logging.getLogger('a').disabled = True"]
    assert _repeated(begin, "model = lightning.Trainer(log)\nmodel.level = 3") == []


def test_what_a_function_does_to_a_logger_that_it_gives_is_done_again() -> None:
    function = (
        "def quiet(name):\n    log = logging.getLogger(name)\n    log.handlers.clear()\n"
        "    log.propagate = False\n    return log"
    )
    assert _repeated(function, "log = quiet('a')") == ["quiet('a')"]


@pytest.mark.parametrize(
    ("loop", "again"),
    [
        (
            "for kind in (pd.DataFrame, pd.Series):\n    kind.size2 = property(lambda self: self.head().size)",
            "for _kind in (pd.DataFrame, pd.Series):\n    _kind.size2 = property(lambda self: self.head().size)",
        ),
        (
            "for kind in [json.JSONDecoder, pd.Series]:\n    setattr(kind, 'who', lambda self: kind)",
            "for _kind in [json.JSONDecoder, pd.Series]:\n    setattr(_kind, 'who', lambda self: _kind)",
        ),
    ],
)
def test_a_loop_that_gives_things_of_libraries_attributes_is_repeated_and_binds_nothing(
    loop: str, again: str
) -> None:
    assert _repeated(loop, "kind = 3") == [again]
    assert not _plan(loop, "kind = 3").stages[-1].uses.keys() & {1, 2}


def test_a_loop_that_makes_things_of_libraries_sets_nothing() -> None:
    loop = "from sklearn.svm import SVC, SVR\nfor kind in (SVC, SVR):\n    model = kind().fit([[1]], [1])"
    assert (_repeated(loop), _lost(loop)) == ([], [])


@pytest.mark.parametrize(
    "setting", ["vars(np)['sum'] = len", "vars(np).update(half=3)", "np.__dict__.update(half=3)"]
)
def test_what_is_put_among_a_module_s_names_is_put_there_again(setting: str) -> None:
    assert _repeated(setting) == [setting]


def test_a_text_in_a_code_of_the_notebook_s_own_is_handed_on_as_a_value() -> None:
    """Its statement stood above what makes the code known, and raised a LookupError."""
    begin = "import codecs\ndef search(name):\n    return None\ncodecs.register(search)"
    made = _plan(begin, "said = 'hello'.encode('caesar')\nprint(said)", "print(said)")
    assert made.stages[3].inputs == {"said": 2}


@pytest.mark.parametrize(
    ("cells", "again"),
    [
        (("import os\nenv = os.environ\nenv['A'] = 'b'",), "os.environ['A'] = 'b'"),
        (("rc = plt.rcParams", "rc.update({'a': 2})"), "plt.rcParams.update({'a': 2})"),
        (("D = pd.DataFrame\nD.twice = lambda D: D * 2",), "pd.DataFrame.twice = lambda D: D * 2"),
        (("shown = pd.options.display", "shown.width = 40"), "pd.options.display.width = 40"),
    ],
)
def test_what_a_library_holds_is_set_by_another_name_too(cells: tuple[str, ...], again: str) -> None:
    assert _repeated(*cells) == [again]


def test_what_a_library_holds_is_never_handed_on_as_a_copy_by_another_name() -> None:
    made = _plan("import os\nenv = os.environ\nenv['A'] = 'b'", "n = 3", "env['B'] = 'c'")
    assert made.grouping.groups == ((0,), (1, 2, 3), (4,))


def test_a_seed_that_is_printed_is_no_less_one() -> None:
    made = _plan("import random\nprint(random.seed(3))", "n = random.random()")
    assert [one.text for _, one in made.stages[2].repeated] == ["random.seed(3)"]


def test_who_looks_at_settings_sets_none() -> None:
    flows = analyse_cells(
        ["import matplotlib.pyplot as plt\nold = plt.rcParams.copy()\nplt.rcParams.get('a')"]
    )
    assert flows[0].settings == ()
