"""Seeds count for libraries that draw random numbers of which no text says anything."""

from __future__ import annotations

import pytest

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import plan


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
