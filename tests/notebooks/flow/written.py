"""Notebooks as people write them, small and real: each a list of cells that runs from top to bottom."""

from __future__ import annotations

from textwrap import dedent

NOTEBOOKS: dict[str, list[str]] = {}


def _notebook(name: str, text: str) -> None:
    NOTEBOOKS[name] = [cell.strip("\n") for cell in dedent(text).split("# ---\n")]


_notebook(
    "cleaning a table",
    """
    import pandas as pd
    pd.set_option("display.max_columns", 20)
    # ---
    raw = pd.DataFrame({"city": ["Oslo", "Rome", None, "Oslo"], "temp": [3.0, 21.5, 9.0, None]})
    # ---
    df = raw.dropna(subset=["city"]).copy()
    df["temp"] = df["temp"].fillna(df["temp"].mean())
    # ---
    df["warm"] = df["temp"] > 10
    by_city = df.groupby("city")["temp"].mean()
    # ---
    summary = {"rows": len(df), "warm": int(df["warm"].sum())}
    summary["hottest"] = by_city.idxmax()
    print(summary)
    """,
)
_notebook(
    "a table changed in place through a function",
    """
    import pandas as pd
    # ---
    def add_ratio(table, above, below):
        table["ratio"] = table[above] / table[below]
    # ---
    sales = pd.DataFrame({"sold": [3, 4], "made": [6, 16]})
    # ---
    add_ratio(sales, "sold", "made")
    # ---
    best = sales["ratio"].max()
    """,
)
_notebook(
    "a window on a table",
    """
    import numpy as np
    grid = np.zeros((3, 4))
    # ---
    row = grid[1]
    # ---
    row[:] = 7
    # ---
    total = grid.sum()
    """,
)
_notebook(
    "train and evaluate",
    """
    import numpy as np
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler
    # ---
    SEED = 7
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(60, 2))
    y = X @ np.array([1.5, -2.0]) + 0.1 * rng.normal(size=60)
    # ---
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=SEED)
    # ---
    scaler = StandardScaler()
    X_train = scaler.fit_transform(X_train)
    # ---
    model = LinearRegression()
    model.fit(X_train, y_train)
    # ---
    score = model.score(scaler.transform(X_test), y_test)
    print(f"{score:.3f}")
    """,
)
_notebook(
    "a seed for every cell",
    """
    import numpy as np
    np.random.seed(42)
    # ---
    noise = np.random.rand(5)
    # ---
    scale = 3
    # ---
    walk = np.cumsum(np.random.choice([-1, 1], size=10)) * scale
    # ---
    end = walk[-1] + noise.mean()
    """,
)
_notebook(
    "a simulation with seeds",
    """
    import random
    # ---
    def queue(steps, rate):
        waiting, seen = 0, []
        for _ in range(steps):
            if random.random() < rate:
                waiting += 1
            elif waiting:
                waiting -= 1
            seen.append(waiting)
        return seen
    # ---
    random.seed(3)
    runs = [queue(20, rate) for rate in (0.2, 0.5, 0.8)]
    # ---
    longest = [max(run) for run in runs]
    # ---
    random.seed(4)
    again = queue(20, 0.5)
    """,
)
_notebook(
    "plots across cells",
    """
    import matplotlib
    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    # ---
    xs = list(range(5))
    ys = [x * x for x in xs]
    # ---
    fig, ax = plt.subplots()
    # ---
    ax.plot(xs, ys)
    ax.set_title("squares")
    # ---
    lines = len(ax.get_lines())
    plt.close(fig)
    # ---
    total = sum(ys) + lines
    """,
)
_notebook(
    "objects with a state",
    """
    class Account:
        def __init__(self, owner, balance=0):
            self.owner = owner
            self.balance = balance
            self.history = []

        def deposit(self, amount):
            self.balance += amount
            self.history.append(amount)
            return self
    # ---
    ada = Account("Ada")
    ben = Account("Ben", 10)
    # ---
    ada.deposit(5).deposit(7)
    # ---
    def transfer(source, target, amount):
        source.deposit(-amount)
        target.deposit(amount)
    # ---
    transfer(ada, ben, 3)
    # ---
    balances = {each.owner: each.balance for each in (ada, ben)}
    """,
)
_notebook(
    "a class that counts itself",
    """
    class Sensor:
        made = 0
        def __init__(self):
            Sensor.made += 1
            self.number = Sensor.made
    # ---
    first = Sensor()
    # ---
    others = [Sensor() for _ in range(3)]
    # ---
    numbers = [first.number] + [each.number for each in others]
    count = Sensor.made
    """,
)
_notebook(
    "inheritance and dataclasses",
    """
    from dataclasses import dataclass, field
    # ---
    @dataclass
    class Shape:
        name: str
        tags: list = field(default_factory=list)
        def area(self):
            return 0.0
    # ---
    @dataclass
    class Square(Shape):
        side: float = 1.0
        def area(self):
            return self.side ** 2
    # ---
    shapes = [Square("a", side=2.0), Shape("b")]
    # ---
    shapes[0].tags.append("big")
    # ---
    areas = {shape.name: shape.area() for shape in shapes}
    tags = [tag for shape in shapes for tag in shape.tags]
    squares = sum(isinstance(shape, Square) for shape in shapes)
    """,
)
_notebook(
    "words",
    """
    import re
    from collections import Counter
    TEXT = "the cat and the hat and the bat"
    WORD = re.compile(r"[a-z]+")
    # ---
    words = WORD.findall(TEXT)
    # ---
    counts = Counter(words)
    # ---
    counts.update(["hat"])
    # ---
    common = counts.most_common(2)
    """,
)
_notebook(
    "recursion",
    """
    MEMO = {}
    def fib(n):
        if n not in MEMO:
            MEMO[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
        return MEMO[n]
    # ---
    tenth = fib(10)
    # ---
    known = sorted(MEMO)
    # ---
    def hanoi(n, a="A", b="B", c="C"):
        return [] if n == 0 else hanoi(n - 1, a, c, b) + [(a, c)] + hanoi(n - 1, b, a, c)
    # ---
    moves = len(hanoi(4))
    """,
)
_notebook(
    "functions that call each other",
    """
    def even(n):
        return True if n == 0 else odd(n - 1)
    # ---
    def odd(n):
        return False if n == 0 else even(n - 1)
    # ---
    checks = [even(n) for n in range(5)]
    """,
)
_notebook(
    "settings first",
    """
    from pathlib import Path
    DATA = Path("data")
    CONFIG = {"rate": 0.1, "names": ["a", "b"]}
    LIMIT = 10 ** 3
    # ---
    path = DATA / "table.csv"
    # ---
    def scaled(values):
        return [value * CONFIG["rate"] for value in values]
    # ---
    small = [value for value in scaled(range(0, 2000, 500)) if value < LIMIT]
    # ---
    label = f"{path.name}: {len(small)} of {LIMIT}"
    """,
)
_notebook(
    "settings that change",
    """
    CONFIG = {"depth": 1}
    ROUNDS = 2
    # ---
    def describe():
        return f"{CONFIG['depth']} x {ROUNDS}"
    # ---
    before = describe()
    # ---
    CONFIG["depth"] = 3
    # ---
    ROUNDS = 5
    # ---
    after = describe()
    """,
)
_notebook(
    "a cell run twice",
    """
    total = 0
    history = []
    # ---
    total += 10
    history.append(total)
    # ---
    total += 10
    history.append(total)
    # ---
    history = history[-1:]
    # ---
    print(total, history)
    """,
)
_notebook(
    "two names for one list",
    """
    scores = [3, 1, 2]
    ranking = scores
    # ---
    ranking.sort()
    # ---
    best = scores[-1]
    # ---
    scores = scores + [9]
    # ---
    same = ranking is scores
    """,
)
_notebook(
    "lists in lists",
    """
    board = [[0] * 3 for _ in range(3)]
    # ---
    middle = board[1]
    corners = [board[0], board[2]]
    # ---
    middle[1] = 5
    # ---
    for row in corners:
        row[0] = 1
    # ---
    flat = [cell for row in board for cell in row]
    """,
)
_notebook(
    "an iterator over cells",
    """
    lines = iter(["head", "1,2", "3,4"])
    # ---
    header = next(lines)
    # ---
    rows = [line.split(",") for line in lines]
    # ---
    count = len(rows)
    """,
)
_notebook(
    "a generator function",
    """
    def pairs(items):
        for left, right in zip(items, items[1:]):
            yield left, right
    # ---
    steps = pairs([1, 4, 9])
    first = next(steps)
    # ---
    rest = list(steps)
    # ---
    widths = [b - a for a, b in [first] + rest]
    """,
)
_notebook(
    "a closure that counts",
    """
    def counter():
        n = 0
        def step():
            nonlocal n
            n += 1
            return n
        return step
    # ---
    tick = counter()
    # ---
    a = tick()
    # ---
    b = tick()
    # ---
    total = a + b
    """,
)
_notebook(
    "decorated functions",
    """
    import functools
    CALLS = []
    # ---
    def logged(function):
        @functools.wraps(function)
        def wrapper(*args):
            CALLS.append(function.__name__)
            return function(*args)
        return wrapper
    # ---
    @logged
    def double(x):
        return 2 * x
    # ---
    four = double(2)
    # ---
    eight = double(four)
    # ---
    names = list(CALLS)
    """,
)
_notebook(
    "perhaps there",
    """
    flag = True
    # ---
    if flag:
        extra = [1, 2]
    # ---
    try:
        size = len(extra)
    except NameError:
        size = 0
    # ---
    for attempt in []:
        last = attempt
    # ---
    size += 1
    """,
)
_notebook(
    "errors and clean-up",
    """
    results = {}
    # ---
    def parse(text):
        try:
            return int(text)
        except ValueError as problem:
            results.setdefault("errors", []).append(str(problem)[:7])
            return None
        finally:
            results["last"] = text
    # ---
    numbers = [parse(text) for text in ("1", "x", "3")]
    # ---
    good = [number for number in numbers if number is not None]
    # ---
    results["good"] = len(good)
    """,
)
_notebook(
    "walrus, match and star",
    """
    data = [("add", 2, 3), ("neg", 4), ("skip",)]
    # ---
    out = []
    for item in data:
        match item:
            case ("add", a, b):
                out.append(a + b)
            case ("neg", a):
                out.append(-a)
            case [word, *rest]:
                out.append(len(rest))
    # ---
    positive = [last := value for value in out if value > 0]
    # ---
    head, *tail = out
    # ---
    print(last, head, tail)
    """,
)
_notebook(
    "global counters",
    """
    hits = 0
    def hit(times=1):
        global hits
        hits += times
    # ---
    hit()
    # ---
    hit(4)
    # ---
    rate = hits / 2
    """,
)
_notebook(
    "a pipeline of functions in a table",
    """
    def strip(text):
        return text.strip()
    def lower(text):
        return text.lower()
    # ---
    STEPS = [strip, lower, lambda text: text.replace(" ", "_")]
    # ---
    def run_all(text):
        for step in STEPS:
            text = step(text)
        return text
    # ---
    names = [run_all(text) for text in (" A b", "C ")]
    # ---
    joined = "+".join(names)
    """,
)
_notebook(
    "a random generator of its own",
    """
    import numpy as np
    rng = np.random.default_rng(1)
    # ---
    a = rng.integers(0, 10, size=4)
    # ---
    b = rng.integers(0, 10, size=4)
    # ---
    both = np.concatenate([a, b]).tolist()
    """,
)
_notebook(
    "imports where they are needed",
    """
    import os.path
    base = os.path.basename("a/b.txt")
    # ---
    import xml.etree
    import xml.dom
    # ---
    import xml.etree.ElementTree as ET
    root = ET.fromstring("<a><b>1</b></a>")
    # ---
    value = int(root.find("b").text)
    import json
    # ---
    text = json.dumps({"value": value, "base": base})
    """,
)
_notebook(
    "forgetting",
    """
    big = list(range(1000))
    small = big[:3]
    # ---
    del big
    # ---
    big = "text"
    # ---
    small.append(len(big))
    """,
)
_notebook(
    "annotations of the future",
    """
    values: list[int] = [1, 2]
    # ---
    from __future__ import annotations
    # ---
    def first(items: Unknown) -> Later:
        return items[0]
    # ---
    one: int = first(values)
    """,
)
_notebook(
    "a query that names a variable",
    """
    import pandas as pd
    people = pd.DataFrame({"age": [20, 30, 40]})
    # ---
    limit = sum([10, 15])
    # ---
    older = people.query("age > @limit")
    # ---
    count = len(older)
    """,
)
_notebook(
    "a lookup with a default list",
    """
    groups = {}
    # ---
    for word in ["apple", "avocado", "bean"]:
        groups.setdefault(word[0], []).append(word)
    # ---
    letters = groups["a"]
    # ---
    letters.remove("apple")
    # ---
    left = {key: len(words) for key, words in groups.items()}
    """,
)
_notebook(
    "a setter and an operator",
    """
    class Vector:
        def __init__(self, x, y):
            self.x, self.y = x, y
        def __add__(self, other):
            return Vector(self.x + other.x, self.y + other.y)
        def __iadd__(self, other):
            self.x += other.x
            self.y += other.y
            return self
        @property
        def length2(self):
            return self.x ** 2 + self.y ** 2
    # ---
    a = Vector(1, 2)
    b = a
    # ---
    a += Vector(1, 1)
    # ---
    c = a + b
    # ---
    lengths = [a.length2, b.length2, c.length2]
    """,
)
