"""What a preflight names; and that a secret is never repeated."""

from __future__ import annotations

import json

import pytest

from agilab.notebooks.findings import Finding
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.secrets import redact
from tests.notebooks.building import code, markdown, notebook, stream


def of(cell: str) -> list[Finding]:
    """The findings of one cell that was run."""
    return [
        one for one in inspect(notebook(code("import os, sys", 1), code(cell, 2))).findings if one.cell == 1
    ]


RISKS = {
    "import requests\nrequests.get(url)": ("NB-501", 2),
    "from urllib.request import urlopen\nurlopen(url)": ("NB-501", 2),
    "from sklearn.datasets import fetch_california_housing as f\nf()": ("NB-501", 2),
    "model = AutoModel.from_pretrained('bert')": ("NB-501", 1),
    "!git clone https://example.org/x": ("NB-501", 1),
    "x = input('station? ')": ("NB-502", 1),
    "import pdb\npdb.set_trace()": ("NB-502", 2),
    "import ipywidgets as w\nw.IntSlider()": ("NB-503", 2),
    "exec(text)": ("NB-504", 1),
    "y = eval('1 + 1')": ("NB-504", 1),
    "while True:\n    work()": ("NB-505", 1),
    "while 1:\n    def f():\n        return 1": ("NB-505", 1),
    "get_ipython().system('ls')": ("NB-506", 1),
    "from IPython import get_ipython as g\ng()": ("NB-506", 2),
    "os.system('date')": ("NB-508", 1),
    "import subprocess as s\ns.check_output(['date'])": ("NB-508", 2),
    "from google.colab import drive": ("NB-509", 1),
    "dbutils.fs.ls('/')": ("NB-509", 1),
    "import shutil\nshutil.rmtree('out')": ("NB-510", 2),
    "!rm -rf out": ("NB-510", 1),
    "if x:\n    sys.exit()": ("NB-512", 2),
    "exit(0)": ("NB-512", 1),
    "sha = !git rev-parse HEAD": ("NB-513", 1),
    "%%bash\ncd src\ngit log -1": ("NB-513", 1),
    "import subprocess as s\ns.check_output(['git', 'describe'])": ("NB-513", 2),
}


@pytest.mark.parametrize("cell", RISKS)
def test_a_risk(cell: str) -> None:
    code_, line = RISKS[cell]
    assert (code_, line) in [(one.code, one.line) for one in of(cell)]


@pytest.mark.parametrize(
    "cell",
    [
        "def input(x):\n    return x\ninput(1)",
        "while True:\n    if done():\n        break",
        "def f():\n    while True:\n        return 1",
        "while True:\n    raise StopIteration",
        "def f():\n    while True:\n        yield 1",
        "def f():\n    while True:\n        x = yield from g()",
        "while x:\n    work()",
        "model.eval()",
        "sys.exit('no data')",
        "!git -C /data/project log",
        "!git --version",
        "def f():\n    sys.exit()",
        "frame.eval('a + b')",
        "re.compile('x')",
        "s.get('x')",
        "exec = 1\nprint(exec)",
    ],
)
def test_what_only_looks_like_one(cell: str) -> None:
    assert [one.code for one in of(cell) if one.code.startswith("NB-5")] == []


# ---- secrets

SECRETS = {
    'API_KEY = "9f8a7c6b5d4e3f2a1b0c"': "9f8a7c6b5d4e3f2a1b0c",
    'os.environ["DB_PASSWORD"] = "correct-horse-battery"': "correct-horse-battery",
    'connect(user="me", password="s3cr3t-w0rds")': "s3cr3t-w0rds",
    'config = {"auth_token": "ab12cd34ef56gh78"}': "ab12cd34ef56gh78",
    'self.secret_key: str = "zzYY88xxWW77"': "zzYY88xxWW77",
    f'x = "{"AKIA" + "IOSFODNN7EXAMPLQ"}"': "AKIA" + "IOSFODNN7EXAMPLQ",
    f'x = "{"ghp_" + "a1B2" * 9}"': "ghp_" + "a1B2" * 9,
    f'x = "{"sk-" + "proj-" + "A1b2" * 8}"': "sk-" + "proj-" + "A1b2" * 8,
    f'x = "{"hf_" + "Ab1c" * 8}"': "hf_" + "Ab1c" * 8,
    'read("postgresql://reader:hunter22@db.example.org/weather")': "hunter22",
    'read("https://api.example.org/v1?api_key=0a1b2c3d4e5f")': "0a1b2c3d4e5f",
    "%env API_TOKEN=0011aabb22ccdd33": "0011aabb22ccdd33",
}


@pytest.mark.parametrize("cell", SECRETS)
def test_a_secret_is_found_and_nowhere_repeated(cell: str) -> None:
    secret = SECRETS[cell]
    found = inspect(notebook(cell, f"import pandas as pd\npd.read_csv('https://example.org/{secret}/a.csv')"))
    assert "NB-507" in [one.code for one in found.findings if one.cell == 0]
    assert secret not in json.dumps(found.as_document())
    assert secret not in repr(found.findings) + repr(found.artifacts)


def test_constants_do_not_carry_a_secret_into_paths() -> None:
    found = inspect(
        notebook('TOKEN = "0a1b2c3d4e5f6a7b"', 'URL = f"https://example.org/{TOKEN}/a.csv"\nload(URL)')
    )
    assert [one.path for one in found.artifacts] == ["https://example.org/•••/a.csv"]


def test_secrets_in_markdown_and_outputs_are_found_too() -> None:
    key = "AKIA" + "QWERTYUIOPASDFGH"
    found = inspect(notebook(markdown(f"# Notes\n\nuse `{key}`"), code("x", 1, [stream(f"key: {key}")])))
    assert [(one.cell, one.line) for one in found.findings if one.code == "NB-507"] == [(0, 3), (1, None)]
    assert key not in json.dumps(found.as_document())


@pytest.mark.parametrize(
    "cell",
    [
        'API_KEY = os.environ["API_KEY"]',
        'API_KEY = ""',
        'API_KEY = "<your key>"',
        'password = "YOUR_PASSWORD"',
        'token = "xxxxxxxxxxxx"',
        'token = "a sentence of words"',
        "tokens = 'tokenised text'",
        'tokenizer = "bert-base-uncased"',
        'key = "column_name_here"',
        'url = "https://example.org/a@b/c"',
        "monkey = 'a1b2c3d4e5f6'",
    ],
)
def test_what_is_no_secret(cell: str) -> None:
    assert [one for one in of(cell) if one.code == "NB-507"] == []


def test_shell_lines_are_shown_without_their_credentials() -> None:
    found = of(
        "!curl -H 'Authorization: Bearer abcdef0123456789abcdef' -u me --password=hunter2hunter2 https://example.org"
    )
    shown = " ".join(one.what for one in found)
    assert "curl" in shown
    assert "abcdef0123456789" not in shown
    assert "hunter2hunter2" not in shown
    assert (
        redact("pip install git+https://0123456789abcdef0123@example.org/x")
        == "pip install git+https://•••@example.org/x"
    )


UNSEEDED = {
    "import numpy as np\nx = np.random.normal(size=3)": "numpy.random.normal() draws without a seed",
    "from numpy import random\nrandom.shuffle(x)": "numpy.random.shuffle() draws without a seed",
    "import random as r\nr.choice(x)": "random.choice() draws without a seed",
    "from random import gauss\ngauss(0, 1)\ngauss(1, 1)": "random.gauss() draws without a seed; so does 1 more call",
    "import numpy as np\nrng = np.random.default_rng()": "numpy.random.default_rng() draws without a seed",
    "import numpy as np\nrng = np.random.RandomState(None)": "numpy.random.RandomState() draws without a seed",
    "import torch\ntorch.randn(3)": "torch.randn() draws without a seed",
    "import random\nx = random.random()\nrandom.seed(10)\ny = random.random()": "random.random() draws without a seed",
    "import random, numpy as np\nnp.random.seed(1)\nx = np.random.rand(), random.random()": (
        "random.random() draws without a seed"
    ),
    "import torch, random\nrandom.seed(3)\ntorch.rand(2)": "torch.rand() draws without a seed",
    "import numpy as np\nnp.random.seed(1)\nrng = np.random.default_rng()": (
        "numpy.random.default_rng() draws without a seed"
    ),
    "import random\nrandom.seed()\nx = random.random()": "random.random() draws without a seed",
    "import random\nx = random.random()\ndef again():\n    random.seed(1)\nagain()": (
        "random.random() draws without a seed"
    ),
}
SEEDED = (
    "import numpy as np\nnp.random.seed(1)\nx = np.random.normal()",
    "import numpy as np\nrng = np.random.default_rng(7)\nx = rng.normal()",
    "import random\nx = random.Random(3).random()",
    "import torch\ntorch.manual_seed(0)\ntorch.randn(3)",
    "import lightning\nlightning.seed_everything(1)\nimport numpy as np\nnp.random.rand()",
    "random = table.sample\nrandom.choice(x)",  # the notebook's own object
    "import random, numpy as np\ndef begin(n):\n    random.seed(n)\n    np.random.seed(n)\n"
    "begin(1)\nx = random.random(), np.random.rand()",
    "import random, numpy as np, torch\nfrom tools import fix_seeds\nfix_seeds()\n"
    "x = random.random(), np.random.rand(), torch.rand(2)",
    "import random\ndef draw():\n    return random.random()\nrandom.seed(1)\nx = draw()",
    "import random\ndraw = lambda: random.random()\nrandom.seed(1)\nx = draw()",
    "import random\nfor n in range(3):\n    random.seed(n)\n    x = random.random()",
    "import random\nr = random.Random()\nr.seed(3)\nx = r.random()",
    "import numpy as np\ndef draw(rng=None):\n    return (rng or np.random.default_rng()).normal()\n"
    "draw(np.random.default_rng(3))",
    "import torch\ng = torch.Generator()\ng.manual_seed(1)\nx = torch.randn(2, generator=g)",
    "from sklearn.model_selection import train_test_split\na, b = train_test_split(x, random_state=3)",
    "from numpy.random import rand, seed\nseed(3)\nx = rand(2)",
)


@pytest.mark.parametrize("cell", UNSEEDED)
def test_random_numbers_that_nobody_can_draw_again_are_named_once(cell: str) -> None:
    assert [one.what for one in of(cell) if one.code == "NB-511"] == [UNSEEDED[cell]]


@pytest.mark.parametrize("cell", SEEDED)
def test_a_seed_above_of_the_same_library_or_of_whatever_somebody_else_seeds_is_enough(cell: str) -> None:
    assert [one for one in of(cell) if one.code == "NB-511"] == []


def test_pictures_of_models_hold_no_keys_and_a_key_is_one_still() -> None:
    arrow = "label.sk-toggleable__label-arrow:before #sk-9b5446bb-0900-46a6-988d-1aa88ae0e4ff"
    key = "sk-proj-" + "aB3" * 12
    for text, codes in ((arrow, []), (f"key {key}", ["NB-507"]), (f"'{key[:3]}{'aB3' * 12}'", ["NB-507"])):
        found = inspect(notebook(code("model", 1, [stream(text)]))).findings
        assert [one.code for one in found] == codes
        assert key not in json.dumps([one.what for one in found])


def test_a_key_of_its_own_name_is_a_placeholder() -> None:
    assert of("keys = {'AWS_SECRET_KEY': 'aws_secret_key'}") == []
    assert [one.code for one in of("keys = {'AWS_SECRET_KEY': 'Jal/rXUtnFEMIK7MD'}")] == ["NB-507"]
