# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Both computations as loops in C. A group outside `totals` is an IndexError; see `arrays.py` for what they compute."""

from libc.math cimport sqrt
from libc.stdint cimport int64_t


cdef inline double squash(double value):
    return value / sqrt(1 + value * value)


def score(
    const int64_t[::1] group,
    const int64_t[::1] weight,
    const double[::1] x,
    const double[::1] y,
    int64_t[:, ::1] totals,
):
    """Add jobs, weights and weighted scores in millionths to `totals` of shape (groups, 3)."""
    cdef Py_ssize_t row, rows = group.shape[0], groups = totals.shape[0]
    cdef double mixed
    cdef int64_t at
    if not rows == weight.shape[0] == x.shape[0] == y.shape[0] or totals.shape[1] != 3:
        raise ValueError("columns of different length, or totals of another shape than (groups, 3)")
    for row in range(rows):
        at = group[row]
        if at < 0 or at >= groups:
            raise IndexError(f"group {at} of {groups}")
        mixed = 0.6 * squash(x[row]) + 0.4 * squash(y[row])
        totals[at, 0] += 1
        totals[at, 1] += weight[row]
        totals[at, 2] += weight[row] * <int64_t>(mixed * 1e6)


def queue(
    const int64_t[::1] group,
    const int64_t[::1] gap,
    const int64_t[::1] service,
    int64_t[:, ::1] totals,
):
    """Add waiting times and keep the longest, in `totals` of shape (groups, 2)."""
    cdef Py_ssize_t row, rows = group.shape[0], groups = totals.shape[0]
    cdef int64_t at, wait = 0, served = 0
    if not rows == gap.shape[0] == service.shape[0] or totals.shape[1] != 2:
        raise ValueError("columns of different length, or totals of another shape than (groups, 2)")
    for row in range(rows):
        at = group[row]
        if at < 0 or at >= groups:
            raise IndexError(f"group {at} of {groups}")
        wait = max(0, wait + served - gap[row])
        served = service[row]
        totals[at, 0] += wait
        if wait > totals[at, 1]:
            totals[at, 1] = wait
