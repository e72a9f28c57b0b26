"""What importing an own module does to the process: each stage finds it as the notebook did.

The oracle is a plain script: the cells one after another in one process, and each stage in a process of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import said, staged

SEEDED = "import random\nrandom.seed(4)\nN = 3\ndef scale(x):\n    return x * N\n"
SETTINGS = "import os\nLEVEL = int(os.environ.get('LEVEL', '1'))\ndef level():\n    return LEVEL\n"
REGISTRY = (
    "FOUND = {}\ndef register(name):\n    def keep(f):\n        FOUND[name] = f\n        return f\n    return keep\n"
    "def run(name, x):\n    return FOUND[name](x)\n"
)
TABLES = (
    "import pandas as pd\npd.set_option('display.precision', 2)\n"
    "@pd.api.extensions.register_dataframe_accessor('geo')\nclass Geo:\n    def __init__(self, table):\n"
    "        self.table = table\n    def count(self):\n        return len(self.table)\n"
)
MODULES = {
    "seeded.py": SEEDED,
    "other.py": "import seeded\nK = 2\n",
    "second.py": "import random\nrandom.seed(9)\nSHIFT = 1\n",
    "drawn.py": "import random\nX = random.random()\n",
    "script.py": "import random\ndef f(x):\n    return x\nif __name__ == '__main__':\n    random.seed(3)\n",
    "settings.py": SETTINGS,
    "uses_settings.py": "from settings import LEVEL\n",
    "envs.py": "import os\nos.environ['LEVEL'] = '5'\n",
    "reg.py": REGISTRY,
    "plugins.py": "from reg import register\n@register('double')\ndef double(x):\n    return 2 * x\n",
    "app.py": "import reg\ndef go(x):\n    return reg.run('double', x)\n",
    "tables.py": TABLES,
    "mylog.py": "import logging\nlogging.basicConfig(filename='exp.log', level=20, format='%(message)s')\n"
    "log = logging.getLogger('x')\n",
    "pk/__init__.py": "from . import core\n",
    "pk/core.py": REGISTRY,
    "pk/more.py": "from .core import register\n@register('b')\ndef b():\n    return 2\n",
    "digits.py": "import decimal\nthird = decimal.Decimal(1) / decimal.getcontext().prec\n",
    "tools.py": "from mylog import log\ndef work(x):\n    log.info('at %s', x)\n    return x\n",
}
ALIKE: dict[str, tuple[str, ...]] = {
    "it seeds": (
        "import random\nfrom seeded import scale, N",
        "print(scale(random.random()))",
        "print(random.random())",
        "print(random.random() * N)",
    ),
    "it seeds, and then the notebook": (
        "import random\nfrom seeded import scale\nrandom.seed(1)",
        "print(random.random())",
        "print(scale(random.random()))",
    ),
    "it is imported again": (
        "import random\nimport seeded",
        "print(random.random())",
        "import seeded\nprint(random.random())",
        "random.seed(2)\nimport seeded\nprint(random.random())",
    ),
    "it is imported again by another": (
        "import random\nimport seeded",
        "print(seeded.N)",
        "random.seed(2)\nimport other\nprint(random.random(), other.K)",
    ),
    "two that seed": (
        "import random\nfrom seeded import scale",
        "print(scale(2))",
        "from second import SHIFT",
        "print(random.random() + SHIFT)",
        "print(scale(random.random()))",
    ),
    "its names are the notebook's": (
        "import random\nfrom seeded import N\nseeded = 5",
        "N = N + 40\nprint(N)",
        "print(random.random(), seeded)",
    ),
    "it is imported in a function": (
        "import random\ndef go():\n    import seeded\n    return random.random()",
        "print(go())",
        "print(go())",
        "print(random.random())",
    ),
    "it is imported by way of trial": (
        "import random\ntry:\n    import seeded\nexcept ImportError:\n    pass",
        "print(random.random())",
        "import seeded\nprint(random.random())",
    ),
    "a package of which more is imported": (
        "from pk.core import FOUND\nimport pk.more",
        "print(sorted(FOUND))",
        "print(FOUND['b']())",
    ),
    "it draws": (
        "import random\nimport seeded",
        "from drawn import X",
        "print(X)",
        "print(X, random.random())",
    ),
    "what it does only as a script": (
        "import random\nfrom script import f\nrandom.seed(1)",
        "print(f(3))",
        "print(random.random())",
    ),
    "it is imported to register": (
        "import reg\nimport plugins",
        "print(reg.run('double', 4))",
        "print(reg.FOUND['double'](3))",
    ),
    "it registers for a third": ("import plugins\nfrom app import go", "print(go(3))", "print(go(4))"),
    "options and an accessor": (
        "import pandas as pd\nimport tables",
        "print(pd.DataFrame({'a': [1.23456]}))",
        "print(pd.DataFrame({'a': [1, 2]}).geo.count())",
    ),
    "the environment above": (
        "import os\nos.environ['LEVEL'] = '5'",
        "import settings",
        "print(settings.level())",
        "def twice():\n    return 2 * settings.level()",
        "print(twice())",
    ),
    "the environment in its cell": (
        "import os; os.environ['LEVEL'] = '5'; import settings",
        "print(settings.level())",
        "os.environ['LEVEL'] = '6'",
        "import settings\nprint(settings.level())",
        "from settings import LEVEL\nprint(LEVEL)",
    ),
    "the environment below": (
        "import os, settings",
        "os.environ['LEVEL'] = '6'",
        "import settings\nprint(settings.level())",
        "from uses_settings import LEVEL\nprint(LEVEL)",
        "print(LEVEL)",
    ),
    "the environment by a constant": (
        "import os\nK = '8'\nos.environ['LEVEL'] = K\nfrom settings import level",
        "print(level())",
        "print(level() + 1)",
    ),
    "the environment by what is computed": (
        "import os\nn = len([1, 2]) + 5",
        "os.environ['LEVEL'] = str(n)",
        "import settings\nprint(settings.level())",
        "print(settings.LEVEL)",
    ),
    "the environment by a module": ("import envs", "import settings", "print(settings.LEVEL)"),
    "the environment of one below it": (
        "import os",
        "os.environ.setdefault('LEVEL', '7')",
        "from uses_settings import LEVEL as L",
        "print(L)",
    ),
    "options that it asks for": (
        "import decimal\ndecimal.getcontext().prec = 5",
        "from digits import third",
        "print(third)",
        "print(third)",
    ),
    "it begins a log": (
        "from mylog import log",
        "log.info('one')",
        "log.info('two')",
        "print(open('exp.log').read())",
    ),
    "one that it imports begins a log": (
        "import tools",
        "print(tools.work(1))",
        "print(2)",
        "print(open('exp.log').read())",
    ),
}


def with_modules(folder: Path) -> Path:
    folder.mkdir()
    (folder / "pk").mkdir()
    for name, text in MODULES.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", ALIKE)
def test_stages_find_what_an_import_did(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = ALIKE[name]
    beside, whole = with_modules(tmp_path / "beside"), with_modules(tmp_path / "whole")
    monkeypatch.setenv("PYTHONPATH", str(beside))  # as a lab's own modules are there for every stage
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("LEVEL", raising=False)

    told = printed_as_stages(staged(cells, folder=beside).lab, tmp_path / "apart", beside, apart=True)

    expected = "".join(printed_as_notebook(notebook("\n".join(cells)), whole))
    assert expected.strip()
    assert "".join(told) == expected


def test_draws_go_on_from_the_seed_of_a_module_and_nothing_else_is_tied(tmp_path: Path) -> None:
    cells = (
        "import random\nfrom seeded import scale",
        "a = random.random()",
        "b = scale(2)",
        "c = random.random()",
    )

    stages = staged(cells, folder=with_modules(tmp_path / "beside")).lab.stages

    assert [one.origin.indices for one in stages if one.origin] == [(0,), (1, 2, 3)]
    assert (stages[1].code or "").startswith("import seeded\n")
    stages = staged((*cells[:2], "b = scale(2)", "c = scale(b)"), folder=tmp_path / "beside").lab.stages
    assert [one.origin.indices for one in stages if one.origin] == [(0,), (1,), (2,), (3,)]
    assert not any("import seeded" in (one.code or "") for one in stages[2:])


def test_a_seed_of_a_module_is_one(tmp_path: Path) -> None:
    folder = with_modules(tmp_path / "beside")
    path = folder / "n.ipynb"

    path.write_bytes(notebook("import random, seeded", "print(random.random())"))
    assert not [one for one in inspect(path).findings if one.code == "NB-511"]
    path.write_bytes(notebook("import random, settings", "print(random.random())"))
    assert [one.code for one in inspect(path).findings if one.code == "NB-511"] == ["NB-511"]


def test_an_import_for_what_it_does_is_not_unused(tmp_path: Path) -> None:
    cells = ("import os, seeded, plugins, tables, envs, script, settings", "print(os)")

    found = staged(cells, folder=with_modules(tmp_path / "beside"))

    assert said(found, "NB-606") == ["script is never used", "settings is never used"]


def test_imports_that_ask_for_nothing_are_taken_whatever_the_environment(tmp_path: Path) -> None:
    cells = (
        "import os\nn = len([1])\nos.environ['LEVEL'] = str(n)",
        "import seeded",
        "a = seeded.N",
        "b = seeded.scale(a)",
    )

    stages = staged(cells, folder=with_modules(tmp_path / "beside")).lab.stages

    assert [one.origin.indices for one in stages if one.origin] == [(0,), (1,), (2,), (3,)]
