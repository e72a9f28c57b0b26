"""Where runs are recorded, and how the address may be written down."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agilab.contracts.errors import AgiError
from agilab.tracking.uri import patience, resolve_uri, safe_uri, scrub, sqlite_path, ui_hint

HOME = Path("/data/lab")


def test_without_a_word_runs_go_to_a_database_in_the_home() -> None:
    assert resolve_uri(HOME, {}) == "sqlite:////data/lab/mlflow/mlflow.db"


def test_the_variable_of_mlflow_wins_over_the_settings() -> None:
    environ = {"MLFLOW_TRACKING_URI": "http://tracking:5000/"}
    assert resolve_uri(HOME, environ, "http://elsewhere") == "http://tracking:5000"


def test_an_empty_variable_is_no_word() -> None:
    assert resolve_uri(HOME, {"MLFLOW_TRACKING_URI": " "}, "http://settings:1") == "http://settings:1"


@pytest.mark.parametrize("word", ["off", "OFF", "none"])
def test_off_is_off_in_the_variable_and_in_the_settings(word: str) -> None:
    assert resolve_uri(HOME, {"MLFLOW_TRACKING_URI": word}, "http://settings") is None
    assert resolve_uri(HOME, {}, word) is None


def test_settings_may_name_a_variable_that_holds_the_address() -> None:
    environ = {"TEAM_MLFLOW": "https://ann:pw@tracking"}
    assert resolve_uri(HOME, environ, "env:TEAM_MLFLOW") == "https://ann:pw@tracking"
    with pytest.raises(AgiError, match="AGI-TRACK-001.*variable that is not set"):
        resolve_uri(HOME, {}, "env:TEAM_MLFLOW")


def test_settings_that_hold_a_password_are_refused_without_repeating_it() -> None:
    with pytest.raises(AgiError, match="holds credentials") as refused:
        resolve_uri(HOME, {}, "https://ann:s3cret@tracking")
    assert "s3cret" not in refused.value.render()


def test_a_relative_address_is_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd().as_posix()
    assert resolve_uri(HOME, {"MLFLOW_TRACKING_URI": "sqlite:///mine.db"}) == f"sqlite:///{here}/mine.db"
    assert resolve_uri(HOME, {"MLFLOW_TRACKING_URI": "./mlruns"}) == f"file://{here}/mlruns"


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_a_database_that_keeps_nothing_is_refused(uri: str) -> None:
    with pytest.raises(AgiError, match="AGI-TRACK-001"):
        resolve_uri(HOME, {"MLFLOW_TRACKING_URI": uri})


@pytest.mark.parametrize(
    ("uri", "safe"),
    [
        ("http://tracking:5000", "http://tracking:5000"),
        ("https://ann:s3%40cret@tracking/team?token=t1&x=1", "https://tracking/team?x=1"),
        ("postgresql://ann:s3cret@db:5432/mlflow?password=t1", "postgresql://db:5432/mlflow"),
        ("https://token-alone@tracking", "https://tracking"),
        ("databricks", "databricks"),
        ("sqlite:////data/lab/mlflow/mlflow.db", "sqlite:////data/lab/mlflow/mlflow.db"),
    ],
)
def test_a_safe_address_names_the_place_and_no_secret(uri: str, safe: str) -> None:
    assert safe_uri(uri) == safe


def test_in_documents_a_database_has_no_absolute_path() -> None:
    assert safe_uri("sqlite:////data/lab/mlflow/mlflow.db", HOME) == "sqlite:///$AGILAB_HOME/mlflow/mlflow.db"
    assert safe_uri("sqlite:////other/mine.db", HOME) == "sqlite:///…/mine.db"


def test_messages_lose_the_credentials_and_the_home_in_them() -> None:
    uri = "https://ann:s3%40cret@tracking/?token=t0p"
    text = f"GET {uri} failed; https://ann:s3%40cret@tracking/api; s3@cret; t0p; {HOME}/mlflow/mlflow.db"
    scrubbed = scrub(text, uri, HOME)
    for secret in ("s3%40cret", "s3@cret", "t0p", "ann", str(HOME)):
        assert secret not in scrubbed
    assert "https://tracking/api" in scrubbed


def test_a_server_gets_five_seconds_and_a_database_of_this_machine_a_minute() -> None:
    assert patience("http://tracking") == patience("postgresql://db/mlflow") == patience("databricks") == 5
    assert patience("sqlite:////data/lab/mlflow/mlflow.db") == 60


def test_a_person_is_told_how_to_see_the_run() -> None:
    assert ui_hint("sqlite:////d/m.db", "1", "ab", "3.17.2") == (
        "uvx mlflow@3.17.2 ui --backend-store-uri sqlite:////d/m.db"
    )


@pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
def test_the_file_of_a_sqlite_address_is_found() -> None:
    assert sqlite_path("sqlite:////data/m.db?timeout=5") == Path("/data/m.db")
    assert sqlite_path("sqlite+pysqlite:////data/m.db") == Path("/data/m.db")
    assert sqlite_path("http://tracking") is None
