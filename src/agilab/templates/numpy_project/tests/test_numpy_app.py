"""The functions as they are, against a loop over complex numbers and closed forms."""

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy_app
import pytest

from agi_node import RunContext


def slowly(c: complex, limit: int) -> int:
    """The iteration in which |z| exceeds 2, or the limit, by the definition."""
    z = 0j
    for iteration in range(1, limit):
        z = z * z + c
        if abs(z) > 2:
            return iteration
    return limit


def test_the_kernel_is_the_definition() -> None:
    c = numpy_app.grid(48, 10, 9)
    assert c.shape == (9, 48)
    expected = [[slowly(complex(point), 50) for point in row] for row in c]
    assert numpy_app.escapes(c, 50).tolist() == expected


def test_points_that_never_leave_are_known() -> None:
    at = np.exp(1j * np.linspace(0, 2 * np.pi, 50))
    cardioid = 0.99 * (at / 2 - at**2 / 4)
    disc = -1 + 0.99 * at / 4
    assert (numpy_app.escapes(np.concatenate([cardioid, disc]), 1000) == 1000).all()


def test_bands_of_any_height_give_the_same_and_the_picture_is_whole(tmp_path: Path) -> None:
    found = []
    for rows in (7, 64):
        args = numpy_app.NumpyArgs(size=64, limit=100, rows=rows)
        runs = {
            item.key: (item.payload, RunContext.local(tmp_path / f"{rows}/{item.key}", key=item.key))
            for item in numpy_app.bands(args)
        }
        found.append(
            numpy_app.Pixels.merge_all(numpy_app.count(band, args, run) for band, run in runs.values())
        )
        saved = {"counts.npy": [(key, run.saved["counts.npy"]) for key, (_, run) in runs.items()]}
        last = RunContext.local(tmp_path / f"{rows}/publish", node="publish", earlier=saved)
        assert numpy_app.area(found[-1], args, last)["area"] == pytest.approx(1.5066, rel=0.1)
        data = last.saved["mandelbrot"].read_bytes()
        assert struct.unpack(">II", data[16:24]) == (64, 64)
        pixels = zlib.decompress(data[data.index(b"IDAT") + 4 : -16])
        assert len(pixels) == 64 * 65
    assert found[0] == found[1]
    assert found[0].pixels == 64 * 64
    expected = [slowly(complex(point), 100) for point in numpy_app.grid(64, 0, 64).ravel()]
    assert found[0].iterations == sum(expected)
    assert found[0].inside == expected.count(100)
