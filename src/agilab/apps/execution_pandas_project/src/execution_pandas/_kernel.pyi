"""What a type checker should know of `_kernel.pyx`."""

from numpy import float64, int64
from numpy.typing import NDArray

def score(
    group: NDArray[int64],
    weight: NDArray[int64],
    x: NDArray[float64],
    y: NDArray[float64],
    totals: NDArray[int64],
) -> None: ...
def queue(
    group: NDArray[int64], gap: NDArray[int64], service: NDArray[int64], totals: NDArray[int64]
) -> None: ...
