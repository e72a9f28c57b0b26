"""The functions as they are, against exact linear equations and plain sums."""

import json
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
import simulation_app
from pydantic import ValidationError
from simulation_app.model import expected, walk

from agi_node import RunContext


@pytest.mark.parametrize("p", [Fraction(2, 5), Fraction(1, 2), Fraction(7, 10)])
def test_theory_solves_the_equations_of_the_walk(p: Fraction) -> None:
    """d(z) = 1 + p d(z+1) + q d(z-1), d(0) = d(N) = 0, by elimination over fractions."""
    width = 12
    up, down = [Fraction(0)], [Fraction(0)]  # d(z) = up[z] d(z+1) + down[z]
    for _ in range(1, width):
        scale = 1 - (1 - p) * up[-1]
        down.append((1 + (1 - p) * down[-1]) / scale)
        up.append(p / scale)
    exact = [Fraction(0)] * (width + 1)
    for z in range(width - 1, 0, -1):
        exact[z] = up[z] * exact[z + 1] + down[z]
    for z in range(1, width):
        assert expected(float(p), z, width)[0] == pytest.approx(float(exact[z]), rel=1e-9)


def test_a_walk_ends_at_a_wall_with_the_parity_of_its_way() -> None:
    for n in range(200):
        steps, ended_at_0 = walk(0.5, 3, 10, Random(n))
        assert steps % 2 == (3 if ended_at_0 else 7) % 2
        assert steps >= (3 if ended_at_0 else 7)


def test_blocks_of_any_size_pool_to_the_plain_mean_and_agree_with_theory(tmp_path: Path) -> None:
    plain = [walk(0.45, 5, 10, Random(f"1/{n}"))[0] for n in range(300)]
    merged = []
    for block in (7, 300):
        args = simulation_app.SimulationArgs(p=(0.45, 0.5), start=5, width=10, replications=300, block=block)
        saved, partials = [], []
        for item in simulation_app.blocks(args):
            run = RunContext.local(tmp_path / f"{block}/{item.key}", key=item.key)
            partials.append(simulation_app.simulate(item.payload, args, run))
            saved.append((item.key, run.saved["block"]))
        merged.append(simulation_app.Walks.merge_all(partials))
        last = RunContext.local(tmp_path / f"{block}/end", node="publish", earlier={"block": saved})
        rows = simulation_app.estimates(merged[-1], args, last)
        assert rows[0]["mean_steps"] == pytest.approx(sum(plain) / 300, rel=1e-12)
        deviation = sum((x - sum(plain) / 300) ** 2 for x in plain) / 299
        assert rows[0]["high"] - rows[0]["low"] == pytest.approx(
            2 * 1.959964 * (deviation / 300) ** 0.5, rel=1e-6
        )
        assert all(one["passed"] for one in last.validations)
        assert json.loads(last.saved["estimates"].read_text()) == rows
    assert merged[0] == merged[1]


@pytest.mark.parametrize("wrong", [{"p": (0.0,)}, {"p": (0.5, 0.5)}, {"start": 20, "width": 20}, {"p": ()}])
def test_arguments_that_make_no_walk_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        simulation_app.SimulationArgs.model_validate(wrong)
