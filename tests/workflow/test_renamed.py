"""Files that a notebook names anew in each run, beside those of its stages."""

from __future__ import annotations

import pytest

from agilab.workflow.notebooks.renamed import renamed


@pytest.mark.parametrize(
    ("first", "second", "stages", "pairs", "apart"),
    [
        ("fig_20261126_101112.png", "fig_20261126_101118.png", "fig_20261126_101201.png", 1, ""),
        ("out-2026-11-26T10:11:59.csv", "out-2026-11-26T10:12:05.csv", "out-2026-11-26T10:13:00.csv", 1, ""),
        ("a/1764151872.3.txt", "a/1764151879.1.txt", "a/1764151890.7.txt", 1, ""),
        ("f_9.txt f_10.txt", "f_11.txt f_12.txt", "f_99.txt f_100.txt", 2, ""),
        ("k1_0930.png k2_0930.png", "k1_0931.png k2_0931.png", "k1_0935.png k2_0935.png", 2, ""),
        ("k1_0930.png", "k1_0931.png", "k2_0935.png", 0, "k1_0930.png k2_0935.png"),
        ("a_10.png", "a_10.png", "a_11.png", 0, ""),  # it repeats its name: another one is another one
        ("a_10.png a_11.png", "a_12.png", "a_13.png", 0, "a_10.png a_11.png a_13.png"),
        ("a_10.png a_11.png", "a_12.png a_13.png", "a_14.png", 0, ""),  # one is lost, and nobody knows which
        ("a_10.png", "a_11.png", "b_12.png", 0, ""),
        ("a_10.png", "a_11.png", "a_12.csv", 0, ""),
        (
            "0b0e7a3c-5d0e-4c6a-9c1d-0e8a4b1f2c3d.bin",
            "7c1d9b52-11aa-4f0e-8e77-aa01bb02cc03.bin",
            "f00dfeed-1234-4abc-9def-0123456789ab.bin",
            1,
            "",
        ),
    ],
)
def test_names_are_paired_by_what_does_not_change(
    first: str, second: str, stages: str, pairs: int, apart: str
) -> None:
    found = renamed(first.split(), second.split(), stages.split())
    expected = list(zip(first.split(), zip(second.split(), stages.split(), strict=False), strict=False))
    assert list(found.pairs.items()) == expected[:pairs]
    assert found.apart == set(apart.split())
