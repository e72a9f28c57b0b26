"""Notebooks with one result to a section, each with an edit that gives another one; and such as repeat nothing."""

from __future__ import annotations

from dataclasses import dataclass

_BORDER = "\n# %% [markdown]\n## Next\n# %%\n"


@dataclass(frozen=True)
class Book:
    """A notebook of sections, and edits in its stages: what stands there, and what is put in its place."""

    name: str
    sections: tuple[str, ...]
    edits: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        return f"# %%\n{_BORDER.join(self.sections)}\n"


def edited(name: str, begin: str, *sections: tuple[str, ...]) -> Book:
    """A book whose sections stand beside their edits: the section, then two texts for each edit."""
    edits = [pair for _, *texts in sections for pair in zip(texts[::2], texts[1::2], strict=True)]
    return Book(name, (begin, *(section for section, *_ in sections)), tuple(edits))


TEXTS = edited(
    "texts",
    'import zlib\nwords = ["the", "cow", "the"]\nscores = {"train": 0.91, "test": 0.83}',
    ("print('counts', {'the': 2, 'cow': 1})", "'the': 2, 'cow': 1", "'the': 1, 'cow': 2"),
    ("dict(scores)", "dict(scores)", "dict(zip(scores, reversed(scores.values())))"),
    ("print('{', scores['train'], '} 3 {', 2, '} 5')", "'} 3 {', 2, '} 5'", "'} 5 {', 2, '} 3'"),
    ("print('members', {'b', 'a'})", "{'b', 'a'}", "{'b', 'c'}"),
    ("print({'k': {2, 1}, 'l': 3})", "{2, 1}", "{2, 4}"),
    ("print('crc', hex(zlib.crc32(b'abc')))", "b'abc'", "b'abd'"),
    ("print('colour', hex(0xABCDE + 1))", "0xABCDE + 1", "0xABCDE + 2"),
    ("print(f'period {6.5 / 2} s')", "6.5 / 2", "6.5 / 4"),
    ("print('elapsed', 7 * 60)", "7 * 60", "8 * 60"),
    ("print('leaves at 12:0' + str(3 + 4))", "3 + 4", "3 + 5"),
    ("print('see /tmp/results_' + str(3))", "results_' + str(3)", "results_' + str(4)"),
    ("print('<Node sys[' + str(4) + ']>')", "'<Node sys[' + str(4)", "'<Node sys[' + str(6)"),
    ("print(f'{2.5:>8.2f}|')", ":>8.2f", ":>9.2f"),
    ("print(*sorted([3, 1, 2]), sep='\\n')", "*sorted([3, 1, 2])", "*[3, 1, 2]"),
    ("import re\npattern = re.compile('ab+', re.I)", "'ab+'", "'ab*'"),
    ("print([float('nan'), 1.0])", "[float('nan'), 1.0]", "[1.0, float('nan')]"),
    ("print('Wall time: ' + str(3) + ' days')", "'Wall time: ' + str(3)", "'Wall time: ' + str(4)"),
    (
        "try:\n    words[5]\nexcept (IndexError, ValueError) as error:\n    print('no', error)",
        "words[5]",
        "words[int('x')]",
    ),
    (
        "for number in range(300):\n    print('row', number, number**2)",
        "number**2)",
        "number**2 + (number == 299))",
    ),
)
SHOWN = edited(
    "shown",
    """import pandas as pd
class Card:
    def __init__(self, form, text):
        self.form, self.text = form, text
    def __repr__(self):
        return "Card"
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.form: self.text}
class Odd:
    def __init__(self, number):
        self.number = number
    def __repr__(self):
        return "Odd"
class Pretty(Odd):
    def _repr_pretty_(self, printer, cycle):
        printer.text(f"Pretty {self.number}")
class Itself(Odd):
    def _ipython_display_(self):
        print("itself", self.number)
table = pd.DataFrame({"a": [1, 2], "b": [0.5, float("nan")]})""",
    ("table", "table'''", "len(table) and None'''"),
    ("display(Card('text/markdown', '**total** ' + str(10)))", "str(10)", "str(11)"),
    ("display(Card('text/html', '<b>' + str(20) + '</b>'))", "str(20)", "str(21)"),
    ("display(Card('text/latex', '$x = 30$'))", "$x = 30$", "$x = 31$"),
    ("display(Card('application/json', {'mean': 40.5}))", "40.5", "41.5"),
    ("display(Card('application/x-own', {'mean': 45.5}))", "45.5", "46.5"),
    ("display(Card('image/png', b'5'))", "b'5'", "b'6'"),
    ("display(Card('image/svg+xml', '<svg><circle r=6/></svg>'))", "r=6", "r=7"),
    ("display(Card('application/vnd.plotly.v1+json', {'y': [70, 8]}))", "[70, 8]", "[70, 9]"),
    ("Card('text/html', '<i>' + str(80) + '</i>')", "str(80)", "str(81)"),
    ("display(90)\ndisplay(91)", "display(90)\n", ""),
    ("display('one text ' + str(95))", "str(95)", "str(96)"),
    ("Card('text/plain', 'a')", "Card('text/plain'", "Card('text/html'"),
    ("table.describe().loc['mean']", "loc['mean']", "loc['max']"),
    ("for i in range(600):\n    display(Card('text/html', f'<b>{i}</b>'))", "{i}</b>", "{min(i, 598)}</b>"),
    ("[Pretty(1), Pretty(2)]", "Pretty(2)]", "Pretty(3)]"),
    ("Itself(4)", "Itself(4)", "Itself(5)"),
    ("display(Itself(6))", "Itself(6)", "Itself(7)"),
    ("'abc' * 3", "'abc' * 3", "'abc' * 2"),
)
INNER = Book(
    "inner",
    (
        "step = iter([1, 2, 3])\n# %%\nfirst = 10 * next(step)\nfirst + 1\n# %%\nsecond = 10 * next(step)\n"
        "display(second)\nsecond + 2\n# %%\nthird = 10 * next(step)\nthird + 3\n# %%\nfirst = second = third = 0",
    ),
    (("first + 1", "first + 4"), ("second + 2", "None"), ("third + 3", "third * 3")),
)
NOISE = edited(
    "noise",
    "import os, time, uuid, datetime, tempfile, pickle, zipfile\nrows = 12",
    ("print('accuracy', rows / 40)", "rows / 40", "rows / 50"),
    ("print(f'pid {os.getpid()}, {rows} rows')", "{rows} rows", "{rows + 1} rows"),
    ("print(object(), 'total', rows * 2)", "'total', rows * 2", "'total', rows * 3"),
    ("print(datetime.datetime.now(), 'kept', rows - 2)", "'kept', rows - 2", "'kept', rows - 3"),
    ("result = {'id': str(uuid.uuid4()), 'at': time.time(), 'accuracy': 0.95}", "0.95", "0.93"),
    ("print('in', tempfile.mkdtemp(), 'wrote', rows)", "'wrote', rows", "'wrote', -rows"),
    ("print({1.5, str(uuid.uuid4())}, rows // 3)", "rows // 3", "rows // 2"),
    (
        "with open('report.txt', 'w') as f:\n    f.write(f'{time.time()}: {rows + 9}')",
        "{rows + 9}",
        "{rows + 8}",
    ),
    ("run = [f'run {time.time_ns()}', rows + 20]", "rows + 20", "rows + 21"),
    ("print('at', f'{tempfile.mkdtemp()}/part_{rows + 30}.csv')", "rows + 30", "rows + 31"),
    ("print('to', tempfile.mktemp(suffix='_22.csv'))", "_22", "_23"),
    ("print('of', f'{uuid.uuid4()}_v2')", "_v2", "_v3"),
    ("inner = os.path.join(tempfile.mkdtemp(), 'fold_1', 'x.csv')", "fold_1", "fold_2"),
    (
        "with open('kept.pkl', 'wb') as f:\n    pickle.dump({'at': time.time(), 'n': rows + 40}, f)",
        "rows + 40",
        "rows + 41",
    ),
    (
        "with zipfile.ZipFile('kept.zip', 'w') as packed:\n    packed.writestr('at', str(time.time_ns()))\n"
        "    packed.writestr('n', str(rows + 50))\ndel packed",
        "rows + 50",
        "rows + 51",
    ),
)
DRAWS = edited(
    "draws",
    "import random\nrows = 12",
    ("drawn = [random.random() for _ in range(5)]\nprint('mean', sum(drawn) / 5)", "range(5)", "range(6)"),
    ("print('rows', rows)", "'rows', rows", "'rows', rows + 1"),
    ("score = {'noise': random.random(), 'n': rows + 7}", "rows + 7", "rows + 8"),
    ("'Rows ' * 2", "'Rows ' * 2", "'Rows ' * 3"),
)


def joined(name: str, *books: Book) -> Book:
    """Books one below the other, which need only one kernel."""
    sections = [section for one in books for section in one.sections]
    return Book(name, tuple(sections), tuple(edit for one in books for edit in one.edits))


EDITED = (joined("results", TEXTS, SHOWN, INNER), NOISE, DRAWS)
PROCESSES, OBJECTS, DRAWING = (
    Book(
        "processes",
        (
            "import os, sys, time, threading, tempfile, uuid\nfrom pathlib import Path\nten = 10",
            "print('pid', os.getpid(), threading.get_ident())",
            "os.getpid()",
            "print(threading.current_thread())",
            "began = time.time()\nprint('began', began)",
            "print(time.ctime(), time.strftime('%H:%M:%S'))\ntime.strftime('%A %d %B %Y %H:%M:%S')",
            "print('done in', round(time.perf_counter(), 4), 's')",
            "print({'fit': time.perf_counter(), 'rows': 3})",
            "here = Path(tempfile.mkdtemp())\nprint('in', here / 'a' / 'b.txt')\nhere",
            "print(Path.cwd(), os.path.abspath('x'))\nos.getcwd()",
            "name = str(uuid.uuid4())\n{name: 1, 'b': 2}",
            "print('warned', file=sys.stderr)\nprint('\\r 10 %\\r100 %')",
            "with open('log.txt', 'w') as f:\n    f.write(f'{time.time()} {os.getpid()} {here}')",
            "named = []\nwork = threading.Thread(target=lambda: named.append(threading.current_thread().name))\n"
            "work.start()\nwork.join()\nprint(named)",
            "%%time\nprint('timed')",
        ),
    ),
    Book(
        "objects",
        (
            "class A:\n    pass\ncount = 2",
            "print([A(), A()])",
            "A()",
            "words = set('the cow and the dog'.split())\nprint(words)",
            "print('again', sorted(words), words)\nwords",
            "{word: {word[0], word[-1], 'x'} for word in sorted(words)}",
            "{A(), A()}",
            "print(id(A()), hash('abc'), lambda: 1)",
        ),
    ),
    Book(
        "drawing",
        (
            "import random\nimport matplotlib.pyplot as plt",
            "drawn = [random.random() for _ in range(4)]\nprint('mean', sum(drawn) / 4)\ndrawn",
            "deck = list(range(10))\nrandom.shuffle(deck)\nprint(*deck)\nsum(deck)",
            "plt.plot([random.random() for _ in range(20)])\nplt.show()",
            "shown, axes = plt.subplots()\naxes.plot([1, 2])\ndisplay(shown)\nplt.close(shown)",
            "unseen, axes = plt.subplots()\naxes.plot([2, 3])\nplt.close(unseen)",
        ),
    ),
)
NOISY = (joined("processes and objects", PROCESSES, OBJECTS), DRAWING)
"""Things of which no two runs have the same."""
