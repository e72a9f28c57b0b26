"""Code after which a process is no other stage's, told by its text."""

from __future__ import annotations

import pytest

from agi_node.spent import spends


@pytest.mark.parametrize(
    "text",
    [
        "import keyword\nlast = keyword.kwlist.pop()",
        "import keyword\nkeyword.kwlist.sort()",
        "import keyword\nkeyword.kwlist.clear() if loud else None",
        "import numpy as np\nvars(np)['sum'] = total",
        "import numpy as np\nnp.__dict__.update(half=3)",
        "import pandas as pd\nK = pd.DataFrame\nK.total = total",
        "import pandas as pd\nfor one in (pd.DataFrame, pd.Series):\n    one.total = total",
        "import pandas as pd\nfor one in (pd.DataFrame, pd.Series):\n    setattr(one, 'total', total)",
        "import socket\nsocket.setdefaulttimeout(3)",
        "import signal\nold = signal.signal(signal.SIGALRM, stop)",
        "import logging\nlogging.addLevelName(25, 'NOTE')",
        "import sys\nsys.setprofile(note)",
        "import os\nos.umask(0)",
        "from unittest import mock\nmock.patch('os.getlogin').start()",
        "from unittest.mock import patch\np = patch.object(json, 'loads')\np.start()",
    ],
)
def test_what_stays_in_a_library_ends_its_process(text: str) -> None:
    assert spends((text,))


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['A'] = 'b'\nold = os.environ.pop('A')",
        "import sys\nsys.path.insert(0, 'lib')\nsys.path.pop(0)",
        "import time\ntime.tzset()",
        "import logging\nlogging.disable(10)\nlogging.root.handlers.clear()",
        "a = [1]\na.sort()\na.pop()\nvars(thing)['a'] = a",
        "from unittest.mock import patch\nwith patch('os.getlogin'):\n    pass",
        "from unittest.mock import patch\n@patch('os.getlogin')\ndef f(login): return login()",
        "import svm\nfor kind in (svm.SVC, svm.SVR):\n    model = kind().fit(x, y)\n    found.append(model)",
        "import matplotlib.pyplot as plt\nplt.rcParams.pop('font.size')\ndraw = plt.plot\ndraw(x)",
    ],
)
def test_what_is_put_back_or_nobody_else_s_ends_no_process(text: str) -> None:
    assert not spends((text,))
