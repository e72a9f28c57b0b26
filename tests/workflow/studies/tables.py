"""Studies of tables, arrays, models and figures."""

from __future__ import annotations

from . import Study, study

ORDERS = """order,customer,day,amount
1,ann,2024-01-03,10.0
2,bob,2024-01-04,
3,ann,2024-02-01,5.5
4,cyd,2024-02-09,7.25
5,bob,2024-02-11,1.0
5,bob,2024-02-11,1.0
"""
CUSTOMERS = """customer,city
ann,Bergen
bob,Oslo
cyd,Oslo
"""

CLEANING = study(
    "cleaning in place",
    """
# %% [markdown]
# # Orders
Cleaned where they stand.
# %%
import pandas as pd
import numpy as np
df = pd.read_csv("data/orders.csv")
# %% [markdown]
## Clean
# %%
df.drop_duplicates(inplace=True)
df["amount"] = df["amount"].fillna(0)
df.rename(columns={"amount": "paid"}, inplace=True)
# %%
df["day"] = pd.to_datetime(df["day"])
df.loc[df["paid"] > 6, "paid"] *= 2
df.columns = [name.upper() for name in df.columns]
# %% [markdown]
## Months
# %%
monthly = df.groupby(df["DAY"].dt.month)["PAID"].sum()
monthly
# %%
df.set_index("ORDER", inplace=True)
del df["DAY"]
largest = float(df["PAID"].max())
total = float(np.sum(df["PAID"]))
largest, total
""",
    files={"data/orders.csv": ORDERS},
    shows="(20.0, 41.0)",
)

JOINING = study(
    "group and merge",
    """
# %%
import pandas as pd
orders = pd.read_csv("data/orders.csv", parse_dates=["day"]).drop_duplicates()
customers = pd.read_csv("data/customers.csv")
# %% [markdown]
## Join
# %%
df = orders.merge(customers, on="customer", how="left")
df = df.assign(month=df["day"].dt.to_period("M").astype(str))
# %%
by_city = (
    df.groupby(["city", "month"], as_index=False)
      .agg(orders=("order", "count"), paid=("amount", "sum"))
)
wide = by_city.pivot(index="city", columns="month", values="paid").fillna(0)
wide
# %% [markdown]
## Shares
# %%
share = wide.div(wide.sum(axis=1), axis=0).round(3)
top = wide.sum(axis=1).idxmax()
counts = df["city"].value_counts().to_dict()
# %%
share.to_csv("out/share.csv")
print(share)
top, counts
""",
    files={"data/orders.csv": ORDERS, "data/customers.csv": CUSTOMERS, "out/.keep": ""},
    shows="('Bergen', {'Oslo': 3, 'Bergen': 2})",
)

LEGACY_SEEDS = study(
    "legacy seeds",
    """
# %% [markdown]
# Random walks
# %%
import random
import numpy as np
np.random.seed(42)
random.seed(1)
# %%
steps = np.random.choice([-1, 1], size=(20, 50))
walks = steps.cumsum(axis=1)
# %% [markdown]
## A second draw, from where the first one left off
# %%
noise = np.random.normal(size=walks.shape)
noisy = walks + 0.1 * noise
pick = random.sample(range(20), 3)
# %% [markdown]
## Ends
# %%
ends = walks[:, -1]
even = bool((ends % 2 == 0).all())
spread = ends.std()
spread
# %%
last = np.random.rand()
chosen = noisy[pick].mean(axis=0)
even, chosen.shape
""",
    shows="(True, (50,))",
)

GENERATORS = study(
    "a generator of numbers",
    """
# %%
import numpy as np
rng = np.random.default_rng(7)
# %% [markdown]
## Sample
# %%
sample = rng.normal(size=200)
# %% [markdown]
## Bootstrap
# %%
def resampled(values, times):
    return np.array([rng.choice(values, size=len(values)).mean() for _ in range(times)])

means = resampled(sample, 100)
# %% [markdown]
## Interval
# %%
low, high = np.percentile(means, [2.5, 97.5])
inside = bool(low < sample.mean() < high)
# %%
after = rng.integers(0, 1_000_000)
inside, len(means)
""",
    shows="(True, 100)",
    vague={"rng": "its text is an address"},
)

VIEWS = study(
    "views and aliases",
    """
# %% [markdown]
## Make
# %%
import numpy as np
grid = np.zeros((4, 4))
corner = grid[:2, :2]
rows = [[1, 2], [3]]
same = rows
# %% [markdown]
## Change one name
# %%
corner[:] = 5
same.append([4])
rows[0].append(9)
# %% [markdown]
## Look at the other
# %%
total = float(grid.sum())
joined = [number for row in rows for number in row]
# %%
flat = grid.ravel()
flat[-1] = 1
after = float(grid.sum())
is_one = same is rows
total, after, joined, is_one
""",
    shows="(20.0, 21.0, [1, 2, 9, 3, 4], True)",
    whole="two names for one thing",
)

FITTING = study(
    "fit and predict",
    """
# %% [markdown]
# Iris
# %%
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
X, y = load_iris(return_X_y=True, as_frame=True)
# %% [markdown]
## Split
# %%
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
# %% [markdown]
## Fit
# %%
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression

model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
model.fit(X_train, y_train)
# %% [markdown]
## Judge
# %%
from sklearn.metrics import accuracy_score, confusion_matrix
predicted = model.predict(X_test)
accuracy = accuracy_score(y_test, predicted)
matrix = confusion_matrix(y_test, predicted)
matrix
# %%
good = accuracy > 0.9
held = int(matrix.sum())
coefficients = model[-1].coef_.round(4)
good, held, coefficients.shape
""",
    shows="(True, 45, (3, 4))",
    vague={"model": "its last bits, after a table was written and read"},
)

PLOTTING = study(
    "figures across cells",
    """
# %%
%matplotlib inline
import numpy as np
import matplotlib.pyplot as plt
x = np.linspace(0, 2 * np.pi, 101)
# %% [markdown]
## Two curves in one figure
# %%
fig, ax = plt.subplots(figsize=(4, 3))
ax.plot(x, np.sin(x), label="sine")
# %%
ax.plot(x, np.cos(x), label="cosine")
ax.legend()
ax.set_title("Two curves");
# %%
fig.savefig("curves.png", dpi=50)
# %% [markdown]
## The current figure
# %%
plt.figure()
plt.hist(np.sin(x), bins=5)
plt.xlabel("sine")
plt.savefig("histogram.png", dpi=50)
plt.close()
# %% [markdown]
## Where they cross
# %%
crossings = np.flatnonzero(np.diff(np.sign(np.sin(x) - np.cos(x))))
at = [round(float(x[i]) / np.pi, 1) for i in crossings]
at
""",
    # sin x = cos x at pi/4 and 5 pi/4
    shows="[0.2, 1.2]",
)

TIMES = study(
    "tables by time",
    """
# %%
import pandas as pd
index = pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Oslo")
series = pd.Series(range(48), index=index, name="load")
# %% [markdown]
## Daily
# %%
daily = series.resample("D").agg(["sum", "count"])
daily
# %% [markdown]
## Two levels, categories, durations
# %%
table = series.reset_index().rename(columns={"index": "when"})
table["part"] = pd.cut(table["when"].dt.hour, [-1, 5, 11, 17, 23], labels=["night", "morning", "noon", "evening"])
table["since"] = table["when"] - table["when"].iloc[0]
by_part = table.groupby([table["when"].dt.date, "part"], observed=True)["load"].mean()
# %%
night = by_part.xs("night", level="part")
longest = table["since"].max()
hours = longest / pd.Timedelta(hours=1)
parts = table["part"].cat.categories.tolist()
# %%
first, last = daily.index[0], daily.index[-1]
short = daily["count"].tolist()
short, hours, parts
""",
    # The clocks of Oslo lose an hour on 31 March 2024: that day has 23, and 48 hours end in the third day.
    shows="([24, 23, 1], 47.0, ['night', 'morning', 'noon', 'evening'])",
)

SEVERAL = Study(
    "several joined by files",
    {
        "1_prepare.ipynb": """
# %%
import pandas as pd
df = pd.read_csv("data/orders.csv").drop_duplicates()
# %% [markdown]
## Write
# %%
df = df.dropna()
df.to_parquet("prepared.parquet")
kept = len(df)
""",
        "2_fit.ipynb": """
# %%
import pandas as pd
import json
df = pd.read_parquet("prepared.parquet")
# %% [markdown]
## Means
# %%
df = df.groupby("customer")["amount"].mean().to_frame("mean").reset_index()
with open("means.json", "w") as f:
    json.dump(dict(zip(df["customer"], df["mean"])), f)
""",
        "3_compare.ipynb": """
# %%
import json
means = json.load(open("means.json"))
# %% [markdown]
## Compare
# %%
best = max(means, key=means.get)
best, means[best]
""",
    },
    files={"data/orders.csv": ORDERS},
    shows="('ann', 7.75)",
)

STUDIES = (CLEANING, JOINING, LEGACY_SEEDS, GENERATORS, VIEWS, FITTING, PLOTTING, TIMES, SEVERAL)
