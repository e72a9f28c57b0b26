"""Studies of the language itself: state, functions, classes, flow, text and files."""

from __future__ import annotations

from . import study

STATE = study(
    "state across cells",
    """
# %% [markdown]
## Begin
# %%
results = {}
log = []
count = 0
# %% [markdown]
## First round
# %%
for n in range(1, 4):
    results[n] = n ** 2
    log.append(f"square {n}")
    count += 1
# %% [markdown]
## Second round
# %%
results.update({n: n ** 3 for n in range(4, 6)})
log += ["cubes"]
count += len(results)
seen = set(results) | {0}
seen.discard(1)
# %% [markdown]
## Third round
# %%
largest = max(results.values())
results.setdefault("largest", largest)
first, *rest = log
nested = {"log": log, "results": results}
nested["log"].append("end")
len(log), count, sorted(seen)
""",
    shows="(5, 8, [0, 2, 3, 4, 5])",
)

FUNCTIONS = study(
    "functions and their free names",
    """
# %%
import math
rate = 2

def scaled(value):
    return helper(value) * rate

def helper(value):
    return value + offset
# %% [markdown]
## The name that the helper needs comes later
# %%
offset = 1
before = scaled(10)
# %% [markdown]
## And changes
# %%
rate = 3
offset = math.floor(5.9)
after = scaled(10)
# %% [markdown]
## A function that is written again
# %%
def helper(value):
    return -value

again = scaled(10)
# %%
def counted(step=1):
    global calls
    calls = calls + step
    return calls

calls = 0
counted()
counted(5)
# %% [markdown]
## Functions as values
# %%
by_name = {"scaled": scaled, "root": math.sqrt, "half": lambda x: x / 2}
told = [by_name[name](16) for name in ("scaled", "root", "half")]
before, after, again, calls, told
""",
    shows="(22, 45, -30, 6, [-48, 4.0, 8.0])",
    vague={"by_name": "functions"},
)

CLASSES = study(
    "classes and instances",
    """
# %%
from dataclasses import dataclass, field
from enum import Enum

class Kind(Enum):
    CASH = "cash"
    CARD = "card"

@dataclass
class Account:
    owner: str
    balance: float = 0.0
    history: list = field(default_factory=list)

    def pay(self, amount, kind=Kind.CASH):
        self.balance += amount
        self.history.append((kind, amount))
        return self
# %% [markdown]
## Instances
# %%
accounts = [Account(name) for name in ("ann", "bob")]
# %% [markdown]
## Payments
# %%
accounts[0].pay(10).pay(5, Kind.CARD)
for account in accounts:
    account.pay(1)
# %% [markdown]
## A subclass, later
# %%
class Savings(Account):
    rate = 0.5

    def pay(self, amount, kind=Kind.CASH):
        return super().pay(amount * (1 + self.rate), kind)

saving = Savings("cyd").pay(10)
accounts.append(saving)
# %% [markdown]
## What they are
# %%
balances = {one.owner: one.balance for one in accounts}
all_accounts = all(isinstance(one, Account) for one in accounts)
by_card = sum(amount for one in accounts for kind, amount in one.history if kind is Kind.CARD)
equal = accounts[1] == Account("bob", 1.0, [(Kind.CASH, 1)])
balances, all_accounts, by_card, equal
""",
    shows="({'ann': 16.0, 'bob': 1.0, 'cyd': 15.0}, True, 5, True)",
    whole="instances must stay instances of these classes",
)

CLOSURES = study(
    "recursion and closures",
    """
# %%
from functools import lru_cache, partial, reduce

@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

def depth(tree):
    return 1 + max(map(depth, tree), default=0)
# %% [markdown]
## Use
# %%
numbers = [fib(n) for n in range(20)]
deep = depth([[], [[], [[]]]])
# %% [markdown]
## Closures
# %%
def counter(start=0):
    value = start
    def step(by=1):
        nonlocal value
        value += by
        return value
    return step

step = counter(10)
step()
# %%
step(5)
reached = step(0)
# %% [markdown]
## Later still
# %%
add = partial(lambda a, b: a + b, 3)
total = reduce(lambda a, b: a + b, map(add, numbers[:5]))
even = lambda n: n == 0 or odd(n - 1)
odd = lambda n: n != 0 and even(n - 1)
# %%
parity = (even(10), odd(7), even(3))
further = fib(30)
parity, reached, total, deep, further
""",
    shows="((True, True, False), 16, 22, 4, 832040)",
    vague={"step": "a function", "add": "a function"},
)

TEXTS = study(
    "texts",
    '''
# %%
import re, string
from collections import Counter, defaultdict
text = """It was the best of times, it was the worst of times,
it was the age of wisdom, it was the age of foolishness"""
# %% [markdown]
## Words
# %%
words = re.findall(r"[a-z]+", text.lower())
counts = Counter(words)
# %% [markdown]
## By length
# %%
by_length = defaultdict(list)
for word in sorted(counts):
    by_length[len(word)].append(word)
# %%
counts.update(["it"] * 3)
most = counts.most_common(2)
table = str.maketrans("", "", string.punctuation + string.whitespace)
letters = len(text.translate(table))
# %% [markdown]
## Ångström and friends
# %%
names = ["Ångström", "naïve", "日本"]
lengths = {name: len(name.encode()) for name in names}
longest = max(by_length)
f"{letters:05d} {names[0]:.3}"
most, longest, lengths
''',
    shows="([('it', 7), ('was', 4)], 11, {'Ångström': 10, 'naïve': 6, '日本': 6})",
)

FILES = study(
    "files written and read back",
    """
# %%
import csv, json, os
from pathlib import Path
OUT = Path("work")
OUT.mkdir(exist_ok=True)
# %% [markdown]
## Write
# %%
with open("work/table.csv", "w", newline="") as f:
    writer = csv.writer(f)
    writer.writerow(["n", "square"])
    writer.writerows([n, n * n] for n in range(5))
# %% [markdown]
## Read it back, and write more
# %%
with open("work/table.csv") as f:
    rows = list(csv.DictReader(f))
total = sum(int(row["square"]) for row in rows)
(OUT / "total.json").write_text(json.dumps({"total": total}))
# %% [markdown]
## Everything together
# %%
lines = Path("work/table.csv").read_text().splitlines()
stored = json.loads(Path("work/total.json").read_text())["total"]
size = os.path.getsize("work/table.csv")
lines[-1], stored, size
""",
    shows="('4,16', 30, 36)",
    vague={"writer": "a writer of an open file"},
)

APPENDING = study(
    "a file that is added to",
    """
# %%
with open("log.txt", "w") as f:
    f.write("first\\n")
# %% [markdown]
## Add
# %%
with open("log.txt", "a") as f:
    f.write("second\\n")
# %% [markdown]
## Read
# %%
open("log.txt").read().split()
""",
    shows="['first', 'second']",
)

PATTERN = study(
    "files that are found by a pattern",
    """
# %%
import glob
for n in range(3):
    with open(f"part_{n}.txt", "w") as f:
        f.write(str(n))
# %% [markdown]
## Find them
# %%
found = sorted(glob.glob("part_*.txt"))
total = sum(int(open(name).read()) for name in found)
# %% [markdown]
## Tell
# %%
found, total
""",
    shows="(['part_0.txt', 'part_1.txt', 'part_2.txt'], 3)",
)

LISTING = study(
    "a folder that is listed",
    """
# %%
from pathlib import Path
Path("work").mkdir(exist_ok=True)
with open("work/a.txt", "w") as f:
    f.write("a")
# %% [markdown]
## List
# %%
sorted(path.name for path in Path("work").glob("*"))
""",
    shows="['a.txt']",
)

PARAMETERS = study(
    "parameters",
    """
# %% [markdown]
# Compound interest
# %% tags=parameters
rate = 0.05
years = 3
start = 100.0
names = ["a", "b"]
# %% [markdown]
## Grow
# %%
values = [start]
for year in range(years):
    values.append(values[-1] * (1 + rate))
# %% [markdown]
## Tell
# %%
end = round(values[-1], 4)
names.append("c")
years = years + 1
f"{len(names)} after {years}: {end}"
""",
    shows="'3 after 4: 115.7625'",
)

NAMES_AGAIN = study(
    "one name for many things",
    """
# %%
df = {"a": [1, 2, 3]}
i = "before"
# %% [markdown]
## First
# %%
for i in range(3):
    df["a"][i] *= 10
x = sum(df["a"])
# %% [markdown]
## Second
# %%
df = [x, i]
i, x = x, i
squares = [i for i in range(4)]
# %% [markdown]
## Third
# %%
df = tuple(df) + (i,)
_ = [df := df + (k,) for k in squares if k > 2]
x: int = x + 1
# %%
max = max(df)
list_of = [max, x]
del squares
# %% [markdown]
## Fourth
# %%
df, i, x, max, list_of
""",
    shows="((60, 2, 60, 3), 60, 3, 60, [60, 3])",
)

AWAITING = study(
    "await at the top",
    """
# %%
import asyncio

async def doubled(n):
    await asyncio.sleep(0.001)
    return 2 * n

async def numbered(n):
    for one in range(n):
        yield await doubled(one)
# %% [markdown]
## One
# %%
one = await doubled(4)
# %% [markdown]
## Many
# %%
many = await asyncio.gather(*(doubled(n) for n in range(4)))
collected = [n async for n in numbered(len(many))]
# %% [markdown]
## With others
# %%
async with asyncio.timeout(5):
    last = await doubled(many[-1] + one)
last
""",
    shows="28",
)

MAGICS = study(
    "magics",
    """
# %%
%matplotlib inline
%load_ext autoreload
%autoreload 2
import math
# %% [markdown]
## Timed
# %%
%%time
total = sum(math.sqrt(n) for n in range(100))
# %%
%timeit -n1 -r1 math.sqrt(2)
%time root = math.isqrt(200)
!echo "kept as a finding"
# %%
%%capture captured
print("nobody sees this")
quiet = root + 1
# %% [markdown]
## A cell of a file
# %%
%%writefile note.txt
two
lines
# %%
lines = open("note.txt").read().split()
rounded = round(total, 6)
root, quiet, lines, rounded
""",
    # The sum of the square roots of 0 to 99, by mpmath.nsum to 30 digits: 661.462947103147…
    shows="(14, 15, ['two', 'lines'], 661.462947)",
    vague={
        "captured": "an object of IPython's",
        **dict.fromkeys(
            ("output of cells 2, 3, 6", "output of cell 3", "output of cell 6"), "lines of magics"
        ),
        "output of cell 4": "what %%capture keeps from being seen",
    },
)

FLOW = study(
    "ways through",
    """
# %%
attempts = []
def risky(n):
    if n % 2:
        raise ValueError(f"odd: {n}")
    return n // 2
# %% [markdown]
## Try
# %%
for n in range(4):
    try:
        attempts.append(risky(n))
    except ValueError as problem:
        attempts.append(str(problem))
    else:
        last_good = n
    finally:
        tried = n + 1
# %% [markdown]
## While, match, walrus
# %%
n = 27
length = 0
while (n := 3 * n + 1 if n % 2 else n // 2) != 1:
    length += 1
else:
    length += 1
match attempts:
    case [first, *_, str(message)]:
        kind = "ends badly"
    case _:
        kind = "ends well"
# %% [markdown]
## Branches
# %%
if length > 100:
    verdict = "long"
else:
    verdict = "short"
    never = True
try:
    never
except NameError:
    never = None
assert verdict, "there is one"
# %%
verdict, kind, attempts, never, length, tried
""",
    # The Collatz sequence of 27 takes 111 steps to 1.
    shows="('long', 'ends badly', [0, 'odd: 1', 1, 'odd: 3'], None, 111, 4)",
)

LAZY = study(
    "generators and handles",
    """
# %%
def primes():
    found = []
    n = 2
    while True:
        if all(n % p for p in found):
            found.append(n)
            yield n
        n += 1

stream = primes()
# %% [markdown]
## Some
# %%
first = [next(stream) for _ in range(5)]
# %% [markdown]
## Some more
# %%
more = [next(stream) for _ in range(3)]
pairs = zip(first, more)
# %% [markdown]
## The rest
# %%
listed = list(pairs)
empty = list(pairs)
handle = open("data.txt")
# %%
head = handle.readline().strip()
rest = handle.read().split()
handle.close()
# %%
first, more, listed, empty, head, rest
""",
    files={"data.txt": "a b\nc d\n"},
    shows="([2, 3, 5, 7, 11], [13, 17, 19], [(2, 13), (3, 17), (5, 19)], [], 'a b', ['c', 'd'])",
    whole="a generator and an open file cannot be handed on",
    vague={"stream": "a generator", "pairs": "an iterator", "handle": "an open file"},
)

NAMESPACES = study(
    "names from nowhere",
    """
# %%
from math import *
import os.path as path, itertools
from collections import namedtuple
Point = namedtuple("Point", "x y")
# %% [markdown]
## Points
# %%
points = [Point(cos(a), sin(a)) for a in (0, pi / 2, pi)]
xs, ys = zip(*points)
# %% [markdown]
## Assigned by name
# %%
for name, value in {"alpha": 1, "beta": 2}.items():
    globals()[name] = value
exec("gamma = alpha + beta")
# %%
greek = alpha + beta + gamma
# %% [markdown]
## Round
# %%
rounded = [Point(round(p.x), round(p.y)) for p in points]
pairs = list(itertools.combinations(range(3), 2))
stem = path.splitext("a/b.txt")[0]
rounded, greek, stem
""",
    shows="([Point(x=1, y=0), Point(x=0, y=1), Point(x=-1, y=0)], 6, 'a/b')",
    whole="exec and globals() may bind anything",
)

STUDIES = (
    STATE,
    FUNCTIONS,
    CLASSES,
    CLOSURES,
    TEXTS,
    FILES,
    PATTERN,
    PARAMETERS,
    NAMES_AGAIN,
    AWAITING,
    MAGICS,
    FLOW,
    LAZY,
    NAMESPACES,
)
