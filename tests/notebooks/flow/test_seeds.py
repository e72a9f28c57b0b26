"""Seeds count for libraries that draw random numbers of which no text says anything."""

from __future__ import annotations

import pytest

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, plan


def repeated(*cells: str) -> list[list[str]]:
    """The statements that each stage begins with, one stage for each cell."""
    stages = plan(Links(analyse_cells(list(cells))), per="cell").stages
    return [[setting.text for _, setting in stage.repeated] for stage in stages]


@pytest.mark.parametrize(
    ("above", "seed"),
    [
        ("import numpy as np\nimport networkx as nx\nnp.random.seed(3)", "np.random.seed(3)"),
        ("import random\nimport networkx as nx\nrandom.seed(3)", "random.seed(3)"),
        ("from numpy.random import seed\nimport networkx as nx\nseed(3)", "seed(3)"),
        (
            "import numpy as np\nimport networkx as nx\nSEED = 3\nif SEED:\n    np.random.seed(SEED)",
            "if SEED:\n    np.random.seed(SEED)",
        ),
        (
            "import random, numpy as np\nimport networkx as nx\n"
            "def seed_all(n):\n    random.seed(n)\n    np.random.seed(n)\nseed_all(3)",
            "seed_all(3)",
        ),
    ],
)
def test_what_may_draw_unseen_begins_with_the_seed_above(above: str, seed: str) -> None:
    (*_, last) = repeated(above, "n = 4", "print(nx.gnp_random_graph(n, 0.5).edges)")
    assert last == [seed]


def test_an_object_of_a_library_may_draw_wherever_it_is_used() -> None:
    (*_, last) = repeated(
        "import numpy as np\nimport pyswarms as ps\nbest = ps.Best(3)",
        "np.random.seed(3)\nprint(1)",
        "print(best.optimize())",
    )
    assert last == ["np.random.seed(3)"]


@pytest.mark.parametrize(
    "cell",
    [
        "print(json.dumps(sorted([3, 1])))",
        "print(pd.DataFrame({'a': [1]}).sum())",
        "print(np.arange(3).sum())",
        "n = 3",
    ],
)
def test_what_draws_nothing_does_not(cell: str) -> None:
    (*_, last) = repeated("import json, numpy as np\nimport pandas as pd\nnp.random.seed(3)\nprint(0)", cell)
    assert last == []


def test_the_last_seed_above_counts_and_a_seed_of_its_own_more() -> None:
    above = "import numpy as np\nimport networkx as nx\nnp.random.seed(3)\nprint(0)"
    draws = "print(nx.gnp_random_graph(3, 0.5).edges)"
    assert repeated(above, "np.random.seed(4)\nprint(1)", draws)[-1] == ["np.random.seed(4)"]
    assert repeated(above, f"np.random.seed(5)\n{draws}")[-1] == []


ABOVE = "import numpy as np\nimport networkx as nx\nnp.random.seed(3)\nprint(0)"
DRAWS = "print(nx.gnp_random_graph(3, 0.5).edges)"


def parted(*cells: str) -> Plan:
    return plan(Links(analyse_cells(list(cells))), per="cell")


def test_numbers_that_several_stages_may_draw_go_on_from_one_to_the_next() -> None:
    one, two, three, four, _ = parted(ABOVE, DRAWS, "print(1)", DRAWS.replace("3", "4"), "print(2)").stages
    assert (one.code, one.outputs, two.inputs) == (ABOVE, set(), {})
    assert two.code == (
        f"np.random.seed(3)\n\n{DRAWS}\n\n\n"
        "import numpy.random as numpy_random\nnumpy_random_state = numpy_random.get_state()"
    )
    assert two.outputs == {"numpy_random_state"}
    assert (three.inputs, three.outputs) == ({}, set())
    assert four.inputs == {"numpy_random_state": 1}
    assert four.code == (
        "import numpy.random as numpy_random\nnumpy_random.set_state(numpy_random_state)\n\n"
        f"{DRAWS.replace('3', '4')}"
    )


def test_what_the_stage_of_the_seed_draws_comes_first() -> None:
    one, two = parted(f"{ABOVE}\nx = np.random.rand()", DRAWS).stages
    assert one.code.endswith("numpy_random_state = numpy_random.get_state()")
    assert two.inputs == {"numpy_random_state": 0}
    assert two.repeated == ()


def test_a_seed_in_between_begins_anew() -> None:
    seeded = f"np.random.seed(4)\n{DRAWS}"
    found = parted(ABOVE, DRAWS, seeded, DRAWS, DRAWS)
    assert [one.stages for one in found.going_on] == [(2, 3, 4)]
    assert [set(stage.inputs) for stage in found.stages] == [
        set(),
        set(),
        set(),
        *2 * [{"numpy_random_state"}],
    ]


def test_a_generator_goes_on_under_a_name_that_the_notebook_has_not() -> None:
    taken = "numpy_random = 1\nprint(numpy_random)"
    assert parted(ABOVE, DRAWS, taken, DRAWS).stages[-1].inputs == {"numpy_random__state": 1}


def test_both_generators_go_on_after_one_seed_of_both() -> None:
    seeds = (
        "import random, numpy as np\nimport networkx as nx\n"
        "def seed_all(n):\n    random.seed(n)\n    np.random.seed(n)\nseed_all(3)"
    )
    last = parted(seeds, DRAWS, DRAWS).stages[-1]
    assert set(last.inputs) == {"numpy_random_state", "python_random_state"}
    assert last.repeated == ()


def test_an_object_of_an_own_class_may_draw_by_what_it_holds() -> None:
    model = (
        "from scipy import stats\nclass Model:\n    def __init__(self):\n        self.d = stats.norm(0, 1)\n"
        "    def draw(self):\n        return self.d.rvs(3)\nm = Model()\nprint(1)"
    )
    found = parted(f"{ABOVE}\n{model}", "print(m.draw())", "print(1)", "print(m.draw())")
    assert [one.stages for one in found.going_on] == [(0, 1, 3)]
    calm = (
        model.replace("self.d.rvs(3)", "3")
        .replace("stats.norm(0, 1)", "4")
        .replace("from scipy import stats\n", "")
    )
    assert not parted(f"{ABOVE}\n{calm}", "print(m.draw())", "print(m.draw())").going_on
