"""The area of the Mandelbrot set, counted pixel by pixel in bands that run side by side.

A pixel belongs to the set if z → z² + c from z = 0 stays within |z| ≤ 2; counting to a limit counts a little too many.
"""

import struct
import zlib
from collections.abc import Iterator
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agi_node import App, Args, Max, Partial, RunContext, Sum, WorkItem

LEFT, RIGHT, BOTTOM, TOP = -2.0, 0.5, -1.25, 1.25  # holds the whole set
PUBLISHED_AREA = (
    1.506_591_77  # T. Förstemann, "Numerical estimation of the area of the Mandelbrot set" (2012)
)


class NumpyArgs(Args):
    """How fine to look, and for how long."""

    size: int = Field(480, ge=16, le=20_000, description="Pixels along each side.")
    limit: int = Field(256, ge=2, le=65_535, description="Iterations after which a pixel counts as inside.")
    rows: int = Field(40, ge=1, description="Rows of pixels in one band.")


class Pixels(Partial):
    """What every band returns; each field says how two of them merge."""

    pixels: Sum[int] = 0
    inside: Sum[int] = 0
    iterations: Sum[int] = 0  # of all pixels; whole numbers, so that it does not matter how bands are cut
    slowest: Max[int] = None  # the most iterations after which a pixel still escaped


app = App("numpy_app", args=NumpyArgs, partial=Pixels)


@app.plan
def bands(args: NumpyArgs) -> Iterator[WorkItem]:
    """One item for each band of rows, from the top; the middle ones hold most of the set and cost most."""
    for first in range(0, args.size, args.rows):
        count = min(args.rows, args.size - first)
        height = abs(1 - (2 * first + count) / args.size)  # 0 at the real axis, 1 at the edge
        yield WorkItem(
            key=f"row-{first:05}", payload={"first": first, "count": count}, cost=count * (1.1 - height)
        )


@app.work
def count(band: dict[str, int], args: NumpyArgs, run: RunContext) -> Pixels:
    """One band: its counts as an array, its sums as a partial."""
    counts = escapes(grid(args.size, band["first"], band["count"]), args.limit)
    path = run.folder / "counts.npy"
    np.save(path, counts, allow_pickle=False)
    run.log_artifact(path)
    outside = counts[counts < args.limit]
    inside = counts.size - outside.size
    run.log_metrics({"pixels": counts.size, "inside": inside})
    return Pixels(
        pixels=counts.size,
        inside=inside,
        iterations=int(counts.sum(dtype=np.int64)),
        slowest=int(outside.max()) if outside.size else None,
    )


@app.publish
def area(pixels: Pixels, args: NumpyArgs, run: RunContext) -> dict[str, Any]:
    """The area and its picture. Certain: at least the cardioid and the disc beside it; at most a bit too much."""
    bands = [np.load(path, allow_pickle=False) for _, path in run.artifacts("counts.npy")]
    picture = np.concatenate(bands)
    run.save_figure("mandelbrot", png(shades(picture, args.limit)))
    found = pixels.inside / pixels.pixels * (RIGHT - LEFT) * (TOP - BOTTOM)
    known = 7 * pi / 16  # 3π/8 of the cardioid, π/16 of the disc of period 2
    run.validate("picture is whole", picture.shape == (args.size, args.size), value=list(picture.shape))
    run.validate("more than cardioid and disc", found > known, value=found, limit=known)
    off = abs(found / PUBLISHED_AREA - 1)
    run.validate("near the published area", off <= 0.05, value=off, limit=0.05)
    run.save_json("area", {"area": found, "published": PUBLISHED_AREA})
    return {"area": found}


def grid(size: int, first: int, count: int) -> NDArray[np.complex128]:
    """The centres of `count` rows of pixels from row `first`, shape (count, size)."""
    middle = (np.arange(size) + 0.5) / size
    real = LEFT + (RIGHT - LEFT) * middle
    imaginary = TOP - (TOP - BOTTOM) * middle[first : first + count]
    return np.asarray(real[None, :] + 1j * imaginary[:, None], dtype=np.complex128)


def escapes(c: NDArray[np.complex128], limit: int) -> NDArray[np.int32]:
    """For each c the number of the iteration in which |z| exceeds 2, or `limit`. Same shape as c.

    The kernel: whole arrays, in place, and only those pixels that have not escaped yet.
    """
    counts = np.full(c.size, limit, dtype=np.int32)
    at = np.arange(c.size)
    start = c.ravel()
    z = np.zeros_like(start)
    for iteration in range(1, limit):
        np.multiply(z, z, out=z)
        np.add(z, start, out=z)
        gone = z.real**2 + z.imag**2 > 4.0
        if gone.any():
            counts[at[gone]] = iteration
            at, start, z = at[~gone], start[~gone], z[~gone]
    return counts.reshape(c.shape)


def shades(counts: NDArray[np.int32], limit: int) -> NDArray[np.uint8]:
    """Grey by the logarithm of the count; the set itself is black."""
    grey = 255 - 215 * np.log(counts) / np.log(limit)
    return np.where(counts < limit, grey, 0).astype(np.uint8)


def png(grey: NDArray[np.uint8]) -> bytes:
    """A grey picture of shape (height, width) as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = grey.shape
    rows = np.pad(grey, ((0, 0), (1, 0))).tobytes()  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
