"""Addresses in documents: secrets and folders of this machine stay out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.uri import complaint, public_uri, secret_in

ROOTS = {"workspace": Path("/home/ana/.agilab"), "data": Path("/home/ana/.agilab/data")}


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("https://mlflow.example:5000", "https://mlflow.example:5000"),
        ("https://ana:hunter2@mlflow.example:5000/api", "https://mlflow.example:5000/api"),
        ("https://token@mlflow.example", "https://mlflow.example"),
        ("https://mlflow.example/?access_token=hunter2", "https://mlflow.example/"),
        ("https://mlflow.example/#hunter2", "https://mlflow.example/"),
        ("postgresql+psycopg://ana:hunter2@db:5432/mlflow", "postgresql+psycopg://db:5432/mlflow"),
        ("postgresql://ana:hun/ter2@db/mlflow", "postgresql://{hidden}"),
        ("postgresql://ana:hun#ter2@db/mlflow", "postgresql://{hidden}"),
        ("postgresql://ana:hun?ter2@db/mlflow", "postgresql://{hidden}"),
        ("postgresql://ana:hun@ter2@db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////home/ana/.agilab/mlflow/mlflow.db", "sqlite:///{workspace}/mlflow/mlflow.db"),
        (
            "sqlite:////home/ana/.agilab/mlflow/mlflow.db?key=hunter2",
            "sqlite:///{workspace}/mlflow/mlflow.db",
        ),
        ("sqlite:////home/ana/.agilab/data/m.db", "sqlite:///{data}/m.db"),
        ("sqlite:////srv/secret-project/m.db", "sqlite:///{local}/m.db"),
        ("file:///home/ana/.agilab/my%20runs", "file:///{workspace}/my%20runs"),
        ("file:///home/ana/.agilab", "file:///{workspace}"),
        ("/home/ana/.agilab/mlruns", "file:///{workspace}/mlruns"),
        ("./mlruns", "file:///{local}/mlruns"),
        ("C:\\Users\\ana\\mlruns", "file:///{local}/mlruns"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
        ("tcp://scheduler:8786", "tcp://scheduler:8786"),
    ],
)
def test_the_public_form_of_an_address_says_where_and_hides_the_rest(uri: str, public: str) -> None:
    assert public_uri(uri, ROOTS) == public
    assert "hunter2" not in public
    assert complaint(public) is None


@given(
    st.sampled_from(["https://", "postgresql://", "sqlite:///", "file://", "", "mysql+pymysql:"]),
    st.text(st.sampled_from("ab:/@?#%[]{}\\. "), max_size=30),
)
@settings(deadline=None)
def test_whatever_the_address_its_public_form_raises_no_complaint(scheme: str, rest: str) -> None:
    assert complaint(public_uri(scheme + rest, ROOTS)) is None


@given(
    st.text(st.sampled_from("ab:/?#%[]@"), max_size=12), st.text(st.sampled_from("ab:/?#%[]@"), max_size=12)
)
@settings(deadline=None)
def test_a_password_is_gone_from_the_public_form_whatever_stands_around_it(before: str, after: str) -> None:
    assert "S3CRET" not in public_uri(f"postgresql://ana:{before}S3CRET{after}@db/mlflow", {})


@pytest.mark.parametrize(
    ("uri", "phrase"),
    [
        ("https://ana:hunter2@mlflow.example", "carries credentials"),
        ("https://mlflow.example/?token=x", "has a query or a fragment, where secrets hide"),
        ("sqlite:////home/ana/m.db", "names a folder of one machine"),
        ("/home/ana/mlruns", "names a folder of one machine"),
        ("file:///home/ana/mlruns", "names a folder of one machine"),
    ],
)
def test_an_address_that_may_not_be_shared_is_complained_about(uri: str, phrase: str) -> None:
    assert complaint(uri) == phrase


def test_a_local_database_is_no_secret_for_the_machine_it_lies_on() -> None:
    assert secret_in("sqlite:////home/ana@work/m.db") is None
