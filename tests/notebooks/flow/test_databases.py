# ruff: noqa: E501 -- each line is a text
"""DuckDB's default connection: what one cell puts into it has to be there for the next, and nothing else ties them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.module_states import with_modules
from agilab.notebooks.flow.plan import Plan, plan

I = "import duckdb\nimport pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})"  # noqa: E741 -- imports
Q = f"{I}\ndef q(text):\n    return duckdb.sql(text).df()"
OWN = (
    "import duckdb\ndef load():\n    duckdb.sql('create table t as select 3')\n"
    "def ask():\n    return duckdb.sql('from t').fetchall()\n"
)
TOGETHER: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "a table": ((I, "duckdb.sql('create table t as select 1')", "a = duckdb.sql('select * from t').fetchall()", "duckdb.execute('insert into t values (9)')", "b = 3"), (1, 2, 3)),
    "a table that is made of a name": ((I, "duckdb.register('t', df)", "a = duckdb.sql('select * from t').fetchall()", "b = 3"), (1, 2)),
    "a table of a query": ((I, "duckdb.sql('select 1 as x').create('t')", "a = duckdb.table('t').fetchall()", "b = 3"), (1, 2)),
    "by a function of the notebook": ((Q, "x = q('create table t as select 3')", "y = q('from t')", "b = 3"), (1, 2)),
    "by a name": ((I, "text = 'create table t as select 3'\nduckdb.sql(text)", "y = duckdb.sql('from t').df()", "b = 3"), (1, 2)),
    "by a file": ((I, "duckdb.sql(open('setup.sql').read())", "y = duckdb.sql('from t').df()", "b = 3"), (1, 2)),
    "by an f-string": ((I, "for n in (1, 2):\n    duckdb.sql(f'create table t{n} as select {n}')", "y = duckdb.sql('from t1').df()", "b = 3"), (1, 2)),
    "second in a text": ((I, "duckdb.sql('select 1; create table t as select 3')", "y = duckdb.sql('from t').df()", "b = 3"), (1, 2)),
    "below a remark": ((I, "duckdb.sql('''-- people\n  CREATE OR REPLACE VIEW v AS SELECT 3''')", "y = duckdb.sql('from v').df()", "b = 3"), (1, 2)),
    "by another name": (("import duckdb as db\nfrom duckdb import sql", "sql('create table t as select 1')", "a = db.query('select * from t').fetchall()", "b = 3"), (1, 2)),
    "by the connection itself": ((I, "con = duckdb.connect(':default:')\ncon.sql('create table t as select 3')", "y = duckdb.sql('from t').df()", "b = 3"), (1, 2)),
    "by a module of the notebook's own": (("import own", "own.load()", "a = own.ask()", "b = 3"), (1, 2)),
}  # fmt: skip
APART: dict[str, tuple[str, ...]] = {
    "queries of tables of the notebook": (I, "a = duckdb.sql('select * from df').df()", "b = duckdb.sql('select sum(a) from df').fetchone()"),
    "by a function": (Q, "a = q('select * from df')", "b = q('select sum(a) from df')"),
    "a table of one's own connection": (I, "a = duckdb.connect('a.db').sql('create table t as select 1')", "b = duckdb.sql('select sum(a) from df').fetchone()"),
    "a copy into a file": (I, "duckdb.sql(\"copy (select * from df) to 'out.parquet'\")", "b = duckdb.sql('select sum(a) from df').fetchone()"),
    "words in quotes": (I, "duckdb.sql(\"select 'drop table t; insert into t' as x\").show()", "b = duckdb.sql('select sum(a) from df').fetchone()"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_what_is_put_into_the_default_connection_is_there_for_the_next(name: str) -> None:
    cells, together = TOGETHER[name]

    assert together in [stage.cells for stage in _planned(cells).stages]
    assert (len(cells) - 1,) in [stage.cells for stage in _planned(cells).stages]


@pytest.mark.parametrize("name", APART)
def test_queries_that_only_read_stand_alone(name: str) -> None:
    assert [stage.cells for stage in _planned(APART[name]).stages] == [(0,), (1,), (2,)]


def test_an_option_is_set_again_where_it_counts() -> None:
    made = _planned(
        (I, "duckdb.sql('INSTALL spatial; LOAD spatial')", "a = duckdb.sql('from df').df()", "b = 3")
    )

    assert [stage.cells for stage in made.stages] == [(0,), (1,), (2,), (3,)]
    assert [[one.text for _, one in stage.repeated] for stage in made.stages[2:]] == [
        ["duckdb.sql('INSTALL spatial; LOAD spatial')"],
        [],
    ]


def _planned(cells: Sequence[str]) -> Plan:
    return plan(Links(with_modules(cells, {"own": OWN}, figures_stay=False), keeps_all=True), per="cell")
