"""`agilab workflow view`: labs of every size as SVG, in a real browser, as people first see them."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.contracts.lab_stages import LabStages, Stage
from agilab.workflow.document.outcome import RunOutcome, StageOutcome
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.svg import WIDEST, svg
from tests.browser import Browser
from tests.pictures.conftest import Look

CITIES = {"city": ("Newark", "La Guardia", "JFK")}
TITLES = ("", "Clean the table", "Join weather and flights by hour", "Fit", "Plot residuals by station")


def made(stages: int, reach: int, seed: int) -> LabStages:
    """A lab whose stages need one or two of the `reach` above them, some mapped, some with text of the first."""
    dice = random.Random(seed)
    found = []
    for at in range(stages):
        above = range(max(0, at - reach), at)
        needs = {f"s{dice.choice(above)}" for _ in range(dice.randint(1, 2))} if above else set()
        found.append(
            Stage(
                id=f"s{at}",
                code="1",
                title=dice.choice(TITLES),
                needs=tuple(sorted(needs)),
                foreach=CITIES if dice.random() < 0.15 else {},
                uses={"s0": ("pd", "np")} if at and dice.random() < 0.4 else {},
            )
        )
    return LabStages(stages=tuple(found))


def fan(wide: int) -> LabStages:
    """One stage, many that take of it, one that takes all."""
    parts = [
        Stage(
            id=f"part_{at}",
            code="1",
            title=f"Season {at}",
            inputs=("t",),
            outputs=(f"p{at}",),
            uses={"load": ("pd",)},
        )
        for at in range(wide)
    ]
    load = Stage(id="load", code="1", title="All imports and the data", outputs=("t",))
    return LabStages(
        stages=(load, *parts, Stage(id="sum", code="1", inputs=tuple(f"p{at}" for at in range(wide))))
    )


LABS = {
    "none": LabStages(),
    "one": LabStages(stages=(Stage(id="only", code="1", title="Everything in one place"),)),
    "three": LabStages(
        stages=(
            Stage(id="load", code="1", title="Read the measurements", outputs=("t",)),
            Stage(id="fit", code="1", inputs=("t",), outputs=("m",), uses={"load": ("pd", "clean")}),
            Stage(id="tell", code="1", inputs=("m", "t"), uses={"load": ("pd",)}),
        )
    ),
    "twelve": made(12, 5, 3),
    "fifty": made(50, 9, 5),
    "wide": fan(48),
    "deep": LabStages(
        stages=tuple(
            Stage(
                id=f"step_{at}",
                code="1",
                title=f"Step {at} of the work",
                needs=(f"step_{at - 1}",) if at else (),
                uses={"step_0": ("np",)} if at else {},
            )
            for at in range(50)
        )
    ),
    "long names": LabStages(
        stages=(
            Stage(id="a" * 60, code="1", title="W" * 200, outputs=("x",)),
            Stage(
                id="b_" * 30, code="1", title="A sentence that goes on about what it does " * 4, inputs=("x",)
            ),
            Stage(id="c", app="meteo_forecast_project", inputs=("x",), title="i" * 90),
        )
    ),
    "scripts": LabStages(
        stages=(
            Stage(
                id="lesen",
                code="1",
                title="日本語のとても長い題名がここにあります、それでも読める",
                outputs=("x",),
            ),
            Stage(
                id="emoji",
                code="1",
                title="🚀🚀 👩‍🔬👩‍🔬 🇫🇷 é́́ ✅ ⚠️",
                inputs=("x",),
                foreach=CITIES,
                outputs=("y",),
            ),
            Stage(id="arab", app="flight_project", title="قراءة البيانات من الملف", inputs=("x",)),
            Stage(id="ru", code="1", title="ЩЖЮ ЧТЕНИЕ ДАННЫХ ИЗ ФАЙЛА И ПОСТРОЕНИЕ ГРАФИКОВ", inputs=("y",)),
            Stage(id="mixed", code="1", title="a\tb\a <b>&amp;</b> " + "ÆŒﷺ" * 3, inputs=("y",)),
        )
    ),
}


OUTCOMES = (
    StageOutcome("succeeded", seconds=0.02),
    StageOutcome("failed", 12, 14, 65.0, ("code", "param days")),
    StageOutcome("reused", 14, 14),
    StageOutcome("upstream_failed", 0, 3),
    StageOutcome(),
    StageOutcome("skipped"),
    StageOutcome("running", 3, 1_200, 7_300.0, ("inputs",)),
)


def drawn(name: str, *, run: bool = False) -> str:
    resolved = resolve(LABS[name], exists=lambda _: True)
    became = {stage: OUTCOMES[at % len(OUTCOMES)] for at, stage in enumerate(resolved.stages)}
    ran = RunOutcome(
        "20261126-115757705-study-2jzvt2", "failed", 1_795_694_277_000_000, 72.5, became, ("old",)
    )
    return svg(resolved, f"The lab {name}", ran if run else None)


@pytest.mark.parametrize("name", LABS)
def test_nobody_has_anything_to_complain_about(name: str, looks_well: Look) -> None:
    looks_well("lab.svg", drawn(name))


@pytest.mark.parametrize("name", ["none", "three", "twelve", "long names", "scripts"])
def test_nor_where_it_shows_a_run(name: str, looks_well: Look) -> None:
    looks_well("lab.svg", drawn(name, run=True))


def test_a_sign_and_a_word_say_what_became_of_a_stage_on_light_pages_and_dark_ones(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "twelve.svg"
    path.write_text(drawn("twelve", run=True), encoding="utf-8")
    said: list[str] = []
    colours: list[str] = []
    for scheme in ("light", "dark"):
        with browser.page(path.as_uri(), scheme=scheme) as page:
            said = page.evaluate(
                "[...document.querySelectorAll('g.stage')].map("
                "    (one) => [...one.querySelectorAll('text')].at(-1).textContent)"
            )
            colours.append(page.evaluate("getComputedStyle(document.querySelector('tspan.bad')).fill"))
    assert sorted({one.split(" · ")[0] for one in said}) == sorted(
        [
            "✓ succeeded",
            "✗ failed",
            "↻ reused",
            "! upstream failed",
            "not in that run",
            "- skipped",
            "▸ running",
        ]
    )
    assert any("12 of 14 good · 1 min 05 s · changed since" in one for one in said)
    assert colours[0] != colours[1]


@pytest.mark.parametrize("name", ["fifty", "wide"])
def test_lines_pass_beside_boxes_and_never_through_them(name: str, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "lab.svg"
    path.write_text(drawn(name), encoding="utf-8")
    with browser.page(path.as_uri()) as page:
        through = page.evaluate("""(() => {
            const boxes = [...document.querySelectorAll('g.stage rect.box')].map((one) => one.getBBox());
            const hits = [];
            for (const line of document.querySelectorAll('path.edge, path.uses')) {
                const long = line.getTotalLength();
                for (let at = 6; at < long - 8; at += 3) {
                    const { x, y } = line.getPointAtLength(at);
                    const box = boxes.find(
                        (b) => x > b.x + 1 && x < b.x + b.width - 1 && y > b.y + 5 && y < b.y + b.height - 5);
                    if (box) hits.push([x, y, line.getAttribute('d')]);
                }
            }
            return hits;
        })()""")
    assert through == []


def test_a_picture_is_no_wider_than_a_page(browser: Browser, tmp_path: Path) -> None:
    for name in ("fifty", "wide"):
        path = tmp_path / f"{name}.svg"
        path.write_text(drawn(name), encoding="utf-8")
        with browser.page(path.as_uri(), width=5000) as page:
            assert page.evaluate("document.documentElement.getBoundingClientRect().width") <= WIDEST + 100


def test_text_that_is_used_again_is_a_dotted_line_beside_the_others(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "three.svg"
    path.write_text(drawn("three"), encoding="utf-8")
    with browser.page(path.as_uri()) as page:
        dashes, tips = page.evaluate("""[
            [...document.querySelectorAll('path.uses')].map((one) => getComputedStyle(one).strokeDasharray),
            ['edge', 'uses'].map((kind) => document.querySelectorAll(`path.${kind}[marker-end]`).length)]""")
    assert set(dashes) == {"1px, 4px"}
    assert tips == [3, 2 + 1], "load-fit, fit-tell, load-tell; text of load in fit, in tell; and the key"


def test_a_pointer_that_rests_is_told_all_words(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "long.svg"
    path.write_text(drawn("long names"), encoding="utf-8")
    with browser.page(path.as_uri()) as page:
        told = page.evaluate(
            "[...document.querySelectorAll('g.stage > title')].map((one) => one.textContent)"
        )
        shown = page.evaluate("[...document.querySelectorAll('g.stage text')].map((one) => one.textContent)")
    assert any("W" * 200 in one for one in told)
    assert "gives x" in told[0]
    assert not any("W" * 200 in one for one in shown)


def test_the_command_writes_what_a_browser_shows(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "lab_stages.toml").write_text(
        '[lab]\ntitle = "Two & more"\n[[stages]]\nid = "load"\noutputs = ["t"]\ncode = "t = 1"\n'
        '[[stages]]\nid = "tell"\ninputs = ["t"]\ncode = "t"\n'
    )
    agilab = Path(sys.executable).with_name("agilab")
    subprocess.run([agilab, "workflow", "view", "--output", "stages.svg"], cwd=tmp_path, check=True)
    with browser.page((tmp_path / "stages.svg").as_uri(), scheme="dark", width=420) as page:
        assert page.complaints() == []
        assert page.evaluate("document.querySelector('title').textContent") == "Two & more"
