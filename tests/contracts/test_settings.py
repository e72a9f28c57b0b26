"""Settings of a workspace and of an app: what people get wrong, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agilab.contracts.app_settings import AppSettings
from agilab.contracts.base import parse_document
from agilab.contracts.errors import AgiError
from agilab.contracts.settings import Settings


def test_an_empty_file_is_all_defaults() -> None:
    settings, app = parse_document("", Settings, "s"), parse_document("", AppSettings, "a")

    assert settings.roots == {}
    assert settings.tracking.enabled
    assert settings.workers.default is None
    assert app.args == {}
    assert app.cluster.executor == "local"
    assert app.cluster.service_health.max_unhealthy == 0


@pytest.mark.parametrize("folder", ["/data/adsb", "C:\\\\data", "//server/share/x"])
def test_a_root_is_an_absolute_folder(folder: str) -> None:
    (path,) = parse_document(f'[roots]\nadsb = "{folder}"\n', Settings, "s").roots.values()

    assert Path(path) == Path(folder.replace("\\\\", "\\"))


@pytest.mark.parametrize("folder", ["data", "./data", "~/data", "", "C:data"])
def test_a_relative_root_is_refused(folder: str) -> None:
    with pytest.raises(AgiError, match=r"roots.adsb is not absolute") as caught:
        parse_document(f'[roots]\nadsb = "{folder}"\n', Settings, "s")

    assert caught.value.code == "AGI-DOC-004"
    assert "/data/adsb" in str(caught.value.allowed)


@pytest.mark.parametrize("name", ["app", "run", "workspace", "local"])
def test_a_root_cannot_take_a_name_that_is_given(name: str) -> None:
    with pytest.raises(AgiError, match="names a root that AGILab itself provides") as caught:
        parse_document(f'[roots]\n{name} = "/data"\n', Settings, "s")

    assert caught.value.found == f"roots.{name}"


def test_a_password_in_the_tracking_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(AgiError, match=r"tracking.uri carries credentials") as caught:
        parse_document('[tracking]\nuri = "https://ana:hunter2@mlflow"\n', Settings, "s")

    assert "hunter2" not in caught.value.render()
    assert "environment" in str(caught.value.allowed)


def test_a_local_tracking_address_is_fine_in_the_settings_of_its_machine() -> None:
    text = '[tracking]\nuri = "sqlite:////home/ana/m.db"\nenabled = false\n'

    assert parse_document(text, Settings, "s").tracking.uri == "sqlite:////home/ana/m.db"


@pytest.mark.parametrize("count", ["0", "-1", "2.5", "true", '"4"'])
def test_workers_are_counted_from_one(count: str) -> None:
    with pytest.raises(AgiError, match=r"workers.default is wrong"):
        parse_document(f"[workers]\ndefault = {count}\n", Settings, "s")


def test_a_misspelt_table_is_told_with_the_right_one() -> None:
    with pytest.raises(AgiError, match="trackng is not a field here") as caught:
        parse_document("[trackng]\nenabled = true\n", Settings, "s")

    assert caught.value.allowed == "tracking (did you mean that?)"


def test_every_table_of_app_settings_is_read(path_of: Callable[[str], Path]) -> None:
    app = parse_document(path_of("app_settings").read_text(), AppSettings, "a")

    assert app.args["max_gap_s"] == 300.0
    assert app.args["since"] == "2026-01-31"
    assert app.cluster.workers == {"lab-3": 4, "10.0.0.7": 2}
    assert app.cluster.service_health.max_restart_rate == 0.1
    assert app.connector_catalog is not None
    assert app.connector_catalog.path == "connectors.toml"
    assert app.connector_refs == {"tracks": "adsb_archive"}
    assert app.page_connector_refs == {"map": {"tiles": "tile_server"}}
    assert app.legacy_paths == {"export": "/data/old/export"}
    assert app.pages.show == ("map", "speeds")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[connector_catalog]\npath = "../other/connectors.toml"', "connector_catalog.path escapes its root"),
        ("[cluster.workers]\nlab-3 = 0", "cluster.workers.lab-3 is wrong"),
        ('[cluster]\nscheduler = "tcp://ana:hunter2@lab-3:8786"', "cluster.scheduler carries credentials"),
        (
            "[cluster.service_health]\nmax_restart_rate = 2.0",
            "cluster.service_health.max_restart_rate is wrong",
        ),
        ('[pages]\nshow = ["map"]\ndefault = "speeds"', "pages opens a page that is not shown"),
        ("[ui]\nopen = true", "ui is not a field here"),
    ],
)
def test_what_is_wrong_in_app_settings_is_told_by_table_and_key(text: str, what: str) -> None:
    with pytest.raises(AgiError) as caught:
        parse_document(text, AppSettings, "a.toml")

    assert caught.value.what == f"a.toml: {what}"
