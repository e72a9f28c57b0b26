"""Answers as models write them every day: nothing in them is worth a person's reading, and what looks alike is."""

from __future__ import annotations

import pytest

from agilab.assist.code_checks import check_code

ORDINARY = [
    # what is only compared, printed or looked for
    'out = table[table["path"] == "/home"]',
    'out = table[table["path"] != "/etc/passwd"]',
    'out = table[table["page"].isin(["/about", "/usr/share", "../up"])]',
    'out = "../" in table["path"].iloc[0]',
    'out = table["drive"].eq("C:\\\\Users\\\\me")',
    'out = table[table["page"].str.startswith("/api/v1/")]',
    'out = table["url"].str.contains("https://")',
    'out = table["request"].str.extract(r"GET (/[a-z/]+) HTTP")',
    'out = table["log"].str.extract(r"file:///([^ ]+)")',
    'out = table["msg"].str.replace(r"^postgres://\\S+", "<db>", regex=True)',
    'out = table["url"].str.replace("https://", "")',
    'out = table["url"].str.removeprefix("http://")',
    'out = table["url"].str.split("://")',
    'import re\nout = [re.sub(r"^https?://", "", u) for u in table["url"]]',
    'import re\nout = [re.search(r"/usr/(\\w+)", u) for u in table["path"]]',
    'print("see https://pandas.pydata.org/docs for more")\nout = table.head()',
    'print(f"wrote {len(table)} rows, see /tmp/report for the log")\nout = table',
    'out = table.query("path == \'/usr/bin/python\'")',
    'import polars as pl\nout = table.filter(pl.col("url").str.starts_with("https://"))',
    'import polars as pl\nout = table.filter(pl.col("path") == "/var/log")',
    'import polars as pl\nout = pl.sql("select * from table where page = \'/index.html\'").collect()',
    'import duckdb\nout = duckdb.sql("select * from table where page like \'/tmp/%\' and x > 3").df()',
    'import duckdb\nout = duckdb.sql("select count(*) n from table where (u <> \'http://a.example\')").df()',
    # labels, columns, notes
    'out = table["a"].rename("~share")',
    'out = table.assign(score=table["n"].astype(str) + "~5/10")',
    'out = table.rename(columns={"speed": "speed km/h", "~5/10": "half"})',
    'out = table["~/visits"] if False else table',
    'notes = ["open the shop; install app; sign in"]\nout = table.assign(note=notes[0])',
    'out = "step 1; install app; step 2"',
    'out = "a/../b"',
    'import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.set_title("/home page visits")\nout = 1',
    'import matplotlib.pyplot as plt\nplt.title("source: https://example.org")\nplt.xlabel("/var/log size")\nout = 1',
    'table.plot(x="a", y="b", title="visits of /home/")\nout = 1',
    'table.plot.bar(x="a", xlabel="../n")\nout = 1',
    'import logging\nlog = logging.getLogger("x")\nlog.info("from https://example.org")\nout = table',
    # the daily work of tables
    'out = table.groupby("city", as_index=False)["temp"].mean()',
    'out = table.sort_values(["a", "b"]).drop_duplicates().reset_index(drop=True)',
    'out = table.merge(table, on="id", how="left", suffixes=("", "_r"))',
    'import numpy as np\nout = np.where(table["unit"] == "m/s", table["v"] * 3.6, table["v"])',
    'out = pd.to_datetime(table["d"], format="%d/%m/%Y")',
    'out = table["date"].str.replace("/", "-")',
    'out = table.pivot_table(index="a", columns="b", values="c", aggfunc="sum").fillna(0)',
    'out = table.drop(columns=["x"]).dropna(subset=["y"])',
    'out = table.assign(ratio=lambda t: t["a"] / t["b"])',
    'out = pd.cut(table["age"], [0, 18, 65, 120], labels=["< 18", "18/65", "> 65"])',
    'import polars as pl\nout = table.group_by("a").agg(pl.col("b").mean()).sort("a")',
    'import polars as pl\nout = table.with_columns((pl.col("a") / pl.col("b")).alias("a/b"))',
    'import polars as pl\nout = table.with_columns(pl.col("d").str.to_date("%Y/%m/%d"))',
    'import polars as pl\nout = table.rolling("t", period="7d").agg(pl.col("x").mean())',
    'import duckdb\nout = duckdb.sql("select city, avg(temp) t from table group by 1 order by 2 desc").df()',
    'import duckdb\nout = duckdb.sql("select * from table qualify row_number() over (partition by a) = 1").df()',
    'import sqlite3\ncon = sqlite3.connect(":memory:")\ntable.to_sql("t", con)\nout = pd.read_sql("select 1", con)',
    'import sqlite3\nc = sqlite3.connect(":memory:")\nc.execute("drop table if exists t")\nout = 1',
    'import json\nout = json.loads("{}")',
    'from urllib.parse import urlparse\nout = table["url"].map(lambda u: urlparse(u).netloc)',
    'from pathlib import PurePosixPath\nout = table["path"].map(lambda p: PurePosixPath(p).suffix)',
    'import seaborn as sns\nax = sns.boxplot(data=table, x="a", y="b")\nax.set_xlabel("km/h")\nout = 1',
    'import plotly.express as px\nout = px.scatter(table, x="a", y="b", title="see https://example.org")',
    'from sklearn.linear_model import LinearRegression\nout = LinearRegression().fit(table[["a"]], table["b"]).coef_',
    'import pyarrow.parquet as pq\nout = pq.read_table("data/in.parquet")',
    'out = table.to_csv(index=False).count("\\n")',
    '"""Reads nothing from /etc/passwd."""\nout = table.copy()',
]  # fmt: skip


@pytest.mark.parametrize("code", ORDINARY)
def test_an_ordinary_answer_is_left_alone(code: str) -> None:
    assert check_code(code, given={"table", "pd"}, outputs=["out"], used=["pd"]) == []


@pytest.mark.parametrize(
    "code",
    [
        'out = "x".replace("x", "/etc/passwd")',
        'out = open("x".replace("x", "/etc/passwd")).read()',
        'import re\nout = open(re.sub("x", "/etc/passwd", "x"))',
        'class A:\n    def contains(self, p):\n        return open(p)\nout = A().contains("/etc/passwd")',
        'print = open\nout = print("/etc/passwd")',
        'x = table\nx.startswith = open\nout = x.startswith("/etc/passwd")',
        'def print(p):\n    return open(p)\nout = print("/etc/passwd")',
        'p = "/etc/passwd"\nout = open(p).read() if p != "" else 0',
        "import duckdb\nout = duckdb.sql(\"select * from '/etc/passwd' where a = '/x/y'\")",
        "import duckdb\nout = duckdb.connect().query(\"select * from '/etc/passwd'\")",
        "import duckdb\nout = duckdb.sql(\"set temp_directory = '/etc/x'\")",
        'import duckdb\nduckdb.sql("install httpfs; load httpfs")\nout = 1',
        'import duckdb\nduckdb.sql("install nobody_knows; load nobody_knows")\nout = 1',
        'out = open("a/../../b").read()',
        'x = "a"\nout = open(f"{x}/../b").read()',
        'out = open("~/b").read()',
        'out = open("~me/b").read()',
        'import tarfile\nout = table.extract("../../x")',
        'out = {"/etc/passwd": 1}',
        'import sqlite3\ncon = sqlite3.connect("data/in.db")\ncon.execute("drop table t")\nout = 1',
        'import sqlite3\ncon = sqlite3.connect("data/in.db")\ncon.execute("DELETE FROM t WHERE a = 1")\nout = 1',
        'import duckdb\ncon = duckdb.connect("data/in.db")\ncon.sql("select 1; truncate t")\nout = 1',
        'table.execute("alter table t drop column a")\nout = 1',
        'n = "t"\ntable.execute(f"drop table {n}")\nout = 1',
    ],
)
def test_what_only_looks_alike_is_told(code: str) -> None:
    assert check_code(code, given={"table", "pd"}, outputs=["out"], used=["pd"]) != []
