"""What theory says of one relay: the queue M/M/1/K in its steady state.

Poisson arrivals, exponential service, one server, room for K packets with the one in service; who finds it full is
lost.
L. Kleinrock, "Queueing Systems", vol. I, 1975, section 3.6.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SteadyState:
    """Loss probability, mean number at the relay, and means over admitted packets of wait and whole stay (s)."""

    loss: float
    mean_number: float
    mean_wait_s: float
    mean_stay_s: float


def mm1k(offered_pps: float, service_pps: float, room: int) -> SteadyState:
    """The steady state of M/M/1/K for K = `room`.

    >>> round(mm1k(90.0, 100.0, 10).loss, 6)
    0.050814
    """
    load = offered_pps / service_pps
    # p[n] ~ load^n; powers of the smaller of load and 1 / load never overflow
    small = min(load, 1 / load) if load > 0 else 0.0
    weights = [small**n for n in range(room + 1)]
    if load > 1:
        weights.reverse()
    total = sum(weights)
    number = sum(n * weight for n, weight in enumerate(weights)) / total
    loss = weights[-1] / total
    if offered_pps == 0:
        return SteadyState(0.0, 0.0, 0.0, 1 / service_pps)
    stay = number / (offered_pps * (1 - loss))  # Little's law
    return SteadyState(loss, number, max(0.0, stay - 1 / service_pps), stay)


def service_for_loss(offered_pps: float, room: int, loss: float) -> float:
    """The least service rate (packets/s) at which M/M/1/K loses no more than this share of what it is offered.

    The loss falls from 1 to 0 as the rate grows, so bisection finds it, to 1e-12 relative.
    """
    return offered_pps / _load_for_loss(room, loss)


def offered_for_loss(service_pps: float, room: int, loss: float) -> float:
    """The offered rate (packets/s) that explains a loss: at which M/M/1/K would lose just this share.

    Equal to the mean offered rate where arrivals are Poisson; above it where they come in bursts.
    """
    return service_pps * _load_for_loss(room, loss)


def burst_for_loss(room: int, loss: float) -> float:
    """How many packets M/M/1/K loses at a time, where it loses this share of all: on average, at most `room`.

    From one that finds it full until it is next empty it loses 1 + load + … + load^K, by gambler's ruin: the inverse of
    the probability that it is empty. Above a load of 1 that grows beyond bounds, and `room` is enough to reckon with.

    >>> round(burst_for_loss(25, 0.002), 1)
    6.1
    """
    load = _load_for_loss(room, loss)
    return min(float(room), sum(load**n for n in range(room + 1)))


def _load_for_loss(room: int, loss: float) -> float:
    low, high = 0.0, 1.0
    while mm1k(high, 1.0, room).loss < loss:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if mm1k(middle, 1.0, room).loss <= loss else (low, middle)
    return low
