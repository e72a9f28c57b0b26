"""The simulated network against queueing theory, brute force, and what a hand can compute."""

from __future__ import annotations

import math
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.uav import network, relay
from uav_network.interval import (
    bounds,
    half_width,
    holm,
    p_value,
    pooled_share,
    t_quantile,
    tries_to_exclude,
)
from uav_network.motion import Flight, on_earth, positions, sample_times, topology
from uav_network.outcome import measure, queue_series, routes
from uav_network.queueing import burst_for_loss, mm1k, offered_for_loss, service_for_loss
from uav_network.routing import LIGHT_MPS, Router
from uav_network.scenario import POLICIES, Scenario
from uav_network.simulation import DELIVERED, IN_FLIGHT, NO_ROUTE, QUEUE_FULL, Trace, simulate
from uav_network.traffic import poisson_times, stream

from agi_node import Moments

REPLICATIONS = 16


def scenario(*relays: dict[str, Any], **changes: Any) -> Scenario:
    return Scenario.model_validate(network(*relays, **changes))


def traces(case: Scenario, policy: str = "shortest_path", count: int = REPLICATIONS) -> list[Trace]:
    """Replications with a twentieth of warm-up."""
    warm_up = case.sim_time_s / 20
    return [simulate(case, policy, seed=11, replication=at, warm_up_s=warm_up) for at in range(count)]


def assert_estimates(values: list[float], truth: float, precision: float) -> None:
    """The truth lies in the 99.9 % interval of the mean, and the interval is narrower than `precision` of it."""
    mean, spread = np.mean(values), np.std(values, ddof=1)
    half = scipy.stats.t.ppf(0.9995, len(values) - 1) * spread / math.sqrt(len(values))
    assert abs(mean - truth) <= half, (mean, half, truth)
    assert half <= precision * truth, (mean, half, truth)


# against theory


def birth_and_death(offered: float, service: float, room: int) -> np.ndarray:
    """The steady state of M/M/1/K as the null space of its generator, by linear algebra."""
    generator = np.zeros((room + 1, room + 1))
    for n in range(room):
        generator[n, n + 1] = offered
        generator[n + 1, n] = service
    np.fill_diagonal(generator, -generator.sum(axis=1))
    equations = np.vstack([generator.T, np.ones(room + 1)])
    return np.linalg.lstsq(equations, np.append(np.zeros(room + 1), 1.0), rcond=None)[0]


@pytest.mark.parametrize(
    ("offered", "room"), [(50.0, 5), (90.0, 10), (100.0, 7), (120.0, 8), (300.0, 3), (1e-3, 4), (80.0, 1)]
)
def test_the_closed_form_is_the_steady_state_of_the_birth_and_death_process(
    offered: float, room: int
) -> None:
    found, chance = mm1k(offered, 100.0, room), birth_and_death(offered, 100.0, room)
    number = float(np.arange(room + 1) @ chance)
    waiting = float(np.maximum(np.arange(room + 1) - 1, 0) @ chance)
    admitted = offered * (1 - chance[-1])
    assert found.loss == pytest.approx(chance[-1], rel=1e-9, abs=1e-14)
    assert found.mean_number == pytest.approx(number, rel=1e-9)
    assert found.mean_stay_s == pytest.approx(number / admitted, rel=1e-9)
    assert found.mean_wait_s == pytest.approx(waiting / admitted, rel=1e-7, abs=1e-12)


def test_without_a_limit_in_sight_it_is_mm1_and_with_room_for_one_it_is_erlangs_loss() -> None:
    assert mm1k(60.0, 100.0, 2000).mean_stay_s == pytest.approx(1 / (100 - 60), rel=1e-12)
    assert mm1k(60.0, 100.0, 1).loss == pytest.approx(0.6 / 1.6, rel=1e-12)
    assert mm1k(1e6, 1.0, 500).loss == pytest.approx(1 - 1e-6, rel=1e-9)
    assert mm1k(0.0, 100.0, 5) == mm1k(0.0, 100.0, 9)


@pytest.mark.parametrize("loss", [1e-9, 0.002, 0.05, 0.6])
@pytest.mark.parametrize("room", [1, 12, 60])
def test_sizing_inverts_the_closed_form(loss: float, room: int) -> None:
    assert mm1k(75.0, service_for_loss(75.0, room, loss), room).loss == pytest.approx(loss, rel=1e-9)
    assert mm1k(offered_for_loss(75.0, room, loss), 75.0, room).loss == pytest.approx(loss, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "background", "room"), [(30.0, 20.0, 5), (60.0, 30.0, 10), (70.0, 50.0, 8)]
)
def test_a_relay_with_background_is_an_mm1k_of_both_flows(
    source: float, background: float, room: int
) -> None:
    # two Poisson flows are one; and who arrives at a Poisson instant sees the time average, whichever flow it is of
    case = scenario(
        relay("r", queue_capacity_pkts=room, background_rate_pps=background),
        source_rate_pps=source,
        sim_time_s=110.0,
    )
    theory = mm1k(source + background, 100.0, room)
    flight = 2 * math.hypot(1000, 100) / LIGHT_MPS
    found = [measure(trace) for trace in traces(case)]
    tallies = [tallies["r"] for _, tallies in found]

    assert_estimates([tally.loss_share for tally in tallies], theory.loss, 0.25)
    assert_estimates([1 - (outcome.pdr or 0) for outcome, _ in found], theory.loss, 0.25)
    assert_estimates([t.packet_seconds / t.observed_s for t in tallies], theory.mean_number, 0.06)
    assert_estimates(
        [t.busy_seconds / t.observed_s for t in tallies], mean_busy(source + background, room), 0.02
    )
    assert_estimates([t.wait_ms.mean for t in tallies], 1000 * theory.mean_wait_s, 0.07)
    assert_estimates([o.queue_wait_ms.mean for o, _ in found], 1000 * theory.mean_wait_s, 0.07)
    assert_estimates([o.e2e_delay_ms.mean for o, _ in found], 1000 * (theory.mean_stay_s + flight), 0.06)
    assert_estimates([t.offered_source / t.observed_s for t in tallies], source, 0.04)
    assert_estimates([t.offered_background / t.observed_s for t in tallies], background, 0.04)


def mean_busy(offered: float, room: int) -> float:
    return 1 - float(birth_and_death(offered, 100.0, room)[0])


@pytest.mark.slow
def test_two_relays_in_series_are_two_independent_queues() -> None:
    # Burke: what leaves an M/M/1 is Poisson; Jackson: so the second is one, too, its own background added
    case = scenario(
        relay("first", base_x_m=700.0, queue_capacity_pkts=500),
        relay(
            "second",
            base_x_m=1400.0,
            queue_capacity_pkts=500,
            service_rate_pps=110.0,
            background_rate_pps=25.0,
        ),
        radio_range_m=750.0,
        source_rate_pps=50.0,
        sim_time_s=90.0,
    )
    hop = math.hypot(700, 100), 700.0, math.hypot(600, 100)
    stay = 1 / (100 - 50) + 1 / (110 - 50 - 25)
    found = [measure(trace) for trace in traces(case)]
    assert_estimates([o.e2e_delay_ms.mean for o, _ in found], 1000 * (stay + sum(hop) / LIGHT_MPS), 0.06)
    wait = stay - 1 / 100 - 1 / 110
    assert_estimates([o.queue_wait_ms.mean for o, _ in found], 1000 * wait, 0.08)
    assert {row["route"] for row in routes(traces(case, count=1)[0])} == {"source > first > second > sink"}
    assert sum(outcome.packets_dropped for outcome, _ in found) == 0


@pytest.mark.slow
def test_delays_of_an_mm1_are_exponential() -> None:
    case = scenario(relay("r", queue_capacity_pkts=1000), source_rate_pps=50.0, sim_time_s=90.0)
    found = [measure(trace)[0] for trace in traces(case)]
    flight = 2000 * math.hypot(1000, 100) / LIGHT_MPS
    for at in (50, 95, 99):
        truth = -1000 * math.log(1 - at / 100) / (100 - 50) + flight
        assert_estimates([getattr(outcome, f"p{at}_e2e_delay_ms").mean for outcome in found], truth, 0.15)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 29, 30, 999])
@pytest.mark.parametrize("probability", [0.5, 0.9, 0.975, 0.9995])
def test_students_t_is_scipys(degrees: int, probability: float) -> None:
    truth = scipy.stats.t.ppf(probability, degrees)
    assert t_quantile(probability, degrees) == pytest.approx(truth, rel=1e-9, abs=1e-9)


def test_an_interval_is_scipys() -> None:
    values = [1.0, 2.5, 2.0, 4.0, 3.25]
    low, high = scipy.stats.t.interval(0.95, 4, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert half_width(Moments.of(values)) == pytest.approx((high - low) / 2, rel=1e-9)
    assert half_width(Moments.of([1.0])) is None


def test_a_shares_interval_is_students_on_log_odds() -> None:
    values = [0.97, 0.991, 0.984, 0.999, 0.955]
    mean = np.mean(values)
    half = scipy.stats.t.ppf(0.975, 4) * scipy.stats.sem(values) / (mean * (1 - mean))
    truth = scipy.special.expit(scipy.special.logit(mean) + np.array([-half, half]))
    assert bounds(Moments.of(values), tries=1000) == pytest.approx(tuple(truth), rel=1e-9)
    low, high = scipy.stats.t.interval(0.95, 4, loc=mean, scale=scipy.stats.sem(values))
    assert bounds(Moments.of(values)) == pytest.approx((low, high), rel=1e-9)
    assert high > 1, "which is why a share has another"
    assert bounds(Moments.of([0.0, 3.0]))[0] == 0.0, "no time is negative"
    assert bounds(Moments.of([0.5]), tries=1000) is None
    exact = scipy.stats.binomtest(1000, 1000).proportion_ci(0.95)
    assert bounds(Moments.of([1.0, 1.0]), tries=1000) == pytest.approx((exact.low, 1.0), rel=1e-12)


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_no_interval_of_a_share_leaves_0_to_1(values: list[float]) -> None:
    moments = Moments.of(values)
    low, high = bounds(moments, tries=1000)
    assert 0 <= low <= moments.mean * (1 + 1e-12)
    assert moments.mean * (1 - 1e-12) <= high <= 1


def test_an_interval_of_a_share_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    for truth in (
        0.9,
        0.98,
    ):  # each replication has a share of its own about it: 1,000 packets, worth about 60
        drawn = rng.binomial(1000, rng.beta(60 * truth, 60 * (1 - truth), (1500, 12))) / 1000
        found = [bounds(Moments.of(row), tries=1000) for row in drawn]
        assert np.mean([low <= truth <= high for low, high in found]) == pytest.approx(0.95, abs=0.03)


def test_the_bounds_of_a_pooled_share_are_those_of_a_ratio_estimator() -> None:
    hits, tries = [3, 0, 24, 1, 6, 2], [4100, 4300, 4450, 4000, 4250, 4150]
    rows = np.column_stack([hits, tries])
    # the same standard error from the covariance of both means, by the delta method
    ratio = sum(hits) / sum(tries)
    slope = np.array([1, -ratio]) / np.mean(tries)
    error = math.sqrt(slope @ np.cov(rows.T) @ slope / len(hits))
    half = scipy.stats.t.ppf(0.95, 5) * error / (ratio * (1 - ratio))
    low, high = scipy.special.expit(scipy.special.logit(ratio) + np.array([-half, half]))
    found = pooled_share(hits, tries)
    assert (found.share, found.low, found.high) == pytest.approx((ratio, low, high), rel=1e-9)
    none = pooled_share([0, 0], [500, 1000])
    assert none.high == pytest.approx(scipy.stats.binomtest(0, 1500).proportion_ci(0.90).high, rel=1e-9)
    assert (none.share, none.low) == (0.0, 0.0)
    assert pooled_share([1], [500]).high is None
    batches = pooled_share([0, 0], [500, 1000], burst=15)
    assert batches.high == pytest.approx(scipy.stats.binomtest(0, 100).proportion_ci(0.90).high, rel=1e-9)
    every = pooled_share([500, 1000], [500, 1000], burst=15)
    assert (every.low, every.high) == (pytest.approx(1 - batches.high, rel=1e-9), 1.0)
    exact = scipy.stats.binomtest(100, 100).proportion_ci(0.95)
    assert bounds(Moments.of([1.0, 1.0]), tries=1500, burst=15) == pytest.approx((exact.low, 1.0), rel=1e-12)


def generator(offered: float, service: float, room: int) -> Any:
    """The rates of M/M/1/K from each number of packets to each."""
    rates = np.diag([offered] * room, 1) + np.diag([service] * room, -1)
    return rates - np.diag(rates.sum(axis=1))


@pytest.mark.parametrize("room", [1, 2, 5, 20, 40])
@pytest.mark.parametrize("load", [0.7, 0.9, 1.0, 1.3, 3.0])
def test_a_queue_that_lost_nothing_loses_less_than_the_bound_in_19_of_20_cases(
    load: float, room: int
) -> None:
    # the queue as arrivals see it: a packet comes in, and before the next one the server may end some
    ends = 1 / (1 + load)  # whether that happens before the next arrival
    steps = np.zeros((room + 1, room + 1))
    for seen in range(room + 1):
        there = min(seen + 1, room)
        for ended in range(there):
            steps[seen, there - ended] = ends**ended * (1 - ends)
        steps[seen, 0] = ends**there
    steady = load ** np.arange(room + 1.0)
    steady /= steady.sum()
    assert steady @ steps == pytest.approx(steady, rel=1e-9)
    lost = float(steady[room])

    def none_lost(packets: int) -> float:
        """The probability that so many packets in a row find room."""
        after = np.linalg.matrix_power(steps[:room, :room], packets - 1)
        return float((steady[:room] @ after).sum())

    for burst in (room, burst_for_loss(room, lost)):
        packets = tries_to_exclude(lost, burst=burst)
        assert pooled_share([0, 0], [packets, packets], burst=2 * burst).high <= lost * (1 + 1e-9)
        assert none_lost(packets) <= 0.05
    if room > 1 and load <= 1:
        assert none_lost(tries_to_exclude(lost)) > 0.05, "packets lost one by one would be too rosy"


@pytest.mark.parametrize("room", [1, 2, 5, 20])
@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
def test_so_many_are_lost_at_a_time_until_a_queue_is_empty(load: float, room: int) -> None:
    # the mean number lost from each number of packets there until there are none, as linear equations
    up = load / (1 + load)
    equations, lost = np.eye(room), np.zeros(room)
    for there in range(1, room + 1):
        equations[there - 1, min(there + 1, room) - 1] -= up
        lost[there - 1] = up if there == room else 0.0
        if there > 1:
            equations[there - 1, there - 2] -= 1 - up
    then = np.linalg.solve(equations, lost)[room - 1]
    assert burst_for_loss(room, mm1k(load, 1.0, room).loss) == pytest.approx(min(room, 1 + then), rel=1e-6)


@pytest.mark.parametrize("spell_s", [0.1, 8.0])
@pytest.mark.parametrize("service", [90.0, 130.0, 146.0])
def test_so_does_one_that_is_busy_by_spells(service: float, spell_s: float) -> None:
    room, rates = 40, (135.0, 45.0)  # as the relays of `orbits`, which take turns
    period, unhurt, lost_before = np.eye(room + 1), np.eye(room + 1), []
    for rate in rates:
        moves = generator(rate, service, room)
        counting = np.zeros((room + 2, room + 2))  # a further state that adds up what is lost
        counting[:-1, :-1], counting[room, -1] = moves, rate
        lost_before.append((period, scipy.linalg.expm(counting * spell_s)[:-1, -1]))
        moves_on = moves - np.diag([0.0] * room + [rate])
        period, unhurt = (
            period @ scipy.linalg.expm(moves * spell_s),
            unhurt @ scipy.linalg.expm(moves_on * spell_s),
        )
    values, vectors = np.linalg.eig(period.T)
    steady = np.real(vectors[:, np.argmax(np.real(values))])
    steady /= steady.sum()
    offered = sum(rates) * spell_s
    lost = sum(float(steady @ before @ losses) for before, losses in lost_before) / offered
    assert 0 < lost < 1
    for burst, doubt in (
        (room, 0.05),
        (burst_for_loss(room, lost), 0.07),
    ):  # the second is for steady arrivals
        periods = math.ceil(tries_to_exclude(lost, burst=burst) / offered)
        assert (steady @ np.linalg.matrix_power(unhurt, periods)).sum() <= doubt


def test_a_p_value_is_scipys() -> None:
    for values in ([0.1, 0.3, -0.05, 0.2], [5.0, 5.1, 4.9], [-0.2, 0.2], [1.0, -2.0, 0.5, 0.1, 0.1, -0.3]):
        truth = scipy.stats.ttest_1samp(values, 0.0).pvalue
        assert p_value(Moments.of(values)) == pytest.approx(truth, rel=1e-9, abs=1e-12)
    assert p_value(Moments.of([0.0, 0.0])) == 1.0
    assert p_value(Moments.of([0.3])) is None


def test_p_values_are_adjusted_as_holm_has_it() -> None:
    # what p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R gives
    assert holm([0.01, None, 0.04, 0.03, 0.005]) == pytest.approx([0.03, None, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_rejects_from_the_smallest_until_one_is_too_large(values: list[float]) -> None:
    rejected, left = set(), sorted(range(len(values)), key=values.__getitem__)
    while left and values[left[0]] * len(left) < 0.05:
        rejected.add(left.pop(0))
    assert {at for at, p in enumerate(holm(values)) if p is not None and p < 0.05} == rejected


# traffic


def test_arrivals_are_poisson() -> None:
    gaps = np.diff(poisson_times(stream(3, 0, "source/arrivals"), 80.0, 500.0))
    assert scipy.stats.kstest(gaps, "expon", args=(0, 1 / 80)).pvalue > 0.01
    counts = np.histogram(poisson_times(stream(3, 1, "source/arrivals"), 80.0, 500.0), 500, (0, 500))[0]
    assert counts.var() / counts.mean() == pytest.approx(
        1, abs=0.2
    )  # 3.2 standard errors of the index of dispersion
    assert len(poisson_times(stream(3, 2, "quiet"), 0.0, 500.0)) == 0


def test_a_long_horizon_goes_on_with_the_same_stream() -> None:
    # more than the first block holds: the oracle draws one gap at a time
    rng, now, times = stream(5, 0, "x"), 0.0, []
    while (now := now + rng.exponential(1 / 2.0)) < 30:
        times.append(now)
    assert poisson_times(stream(5, 0, "x"), 2.0, 30.0).tolist() == times


def test_streams_of_other_names_seeds_and_replications_are_others() -> None:
    draws = [
        stream(*key).random(1000)
        for key in [(1, 0, "a"), (1, 0, "b"), (1, 1, "a"), (2, 0, "a"), (1, 0, "aa")]
    ]
    correlations = np.corrcoef(draws)[np.triu_indices(len(draws), 1)]
    assert np.abs(correlations).max() < 4 / math.sqrt(1000)
    assert np.array_equal(draws[0], stream(1, 0, "a").random(1000))


TWO = (
    relay("a", base_y_m=100.0, background_rate_pps=40.0),
    relay("b", base_y_m=-300.0, background_rate_pps=20.0),
)


def test_both_policies_meet_the_same_packets_and_an_upgrade_only_scales_their_work() -> None:
    one = simulate(scenario(*TWO), "shortest_path", seed=1, replication=4)
    other = simulate(scenario(*TWO), "queue_aware", seed=1, replication=4)
    assert np.array_equal(one.born_s, other.born_s)
    assert not np.array_equal(one.route, other.route)
    assert [t.offered_background for t in measure(one)[1].values()] == [
        t.offered_background for t in measure(other)[1].values()
    ]
    # a lone packet in an empty network: its stay is its work and its flight, so a relay twice as fast halves the work
    slow, fast = (
        simulate(
            scenario(relay("r", service_rate_pps=rate), source_rate_pps=1.0),
            "shortest_path",
            seed=1,
            replication=0,
        )
        for rate in (100.0, 200.0)
    )
    flight = 2 * math.hypot(1000, 100) / LIGHT_MPS
    alone = slow.waited_s + fast.waited_s == 0
    assert alone.sum() > 10
    np.testing.assert_allclose((slow.delay_s - flight)[alone], 2 * (fast.delay_s - flight)[alone], rtol=1e-9)


def test_common_random_numbers_make_the_comparison_sharper() -> None:
    runs = {p: [measure(t)[0].e2e_delay_ms.mean for t in traces(scenario(*TWO), p, 6)] for p in POLICIES}
    one, other = (np.array(runs[policy]) for policy in POLICIES)
    assert (one - other).var(ddof=1) < one.var(ddof=1) + other.var(ddof=1)


# routing and motion


def every_cost(case: Scenario, policy: str, time: float, depths: list[int]) -> dict[tuple[int, ...], float]:
    """Costs of all simple paths in range, by trying each."""
    flight = Flight(case).at(time)
    reach = case.radio_range_m or math.inf
    costs = {}
    for length in range(1, len(case.relays) + 1):
        for path in permutations(range(len(case.relays)), length):
            stops = [0, *(at + 1 for at in path), len(case.relays) + 1]
            hops = [math.dist(flight[a], flight[b]) for a, b in pairwise(stops)]
            cost = sum(hops) / 299_792_458 + sum(case.relays[at].bias_ms for at in path) / 1000
            if policy == "queue_aware":
                cost += sum((depths[at] + 1) / case.relays[at].service_rate_pps for at in path)
            if max(hops) <= reach:
                costs[path] = cost
    return costs


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_path_is_cheaper_than_the_one_chosen(data: Any) -> None:
    place = st.floats(-3000, 3000).map(lambda value: round(value, 1))
    relays = [
        relay(
            f"r{at}",
            base_x_m=data.draw(place),
            base_y_m=data.draw(place),
            amplitude_m=data.draw(st.sampled_from([0.0, 800.0])),
            service_rate_pps=data.draw(st.sampled_from([50.0, 90.0])),
            bias_ms=data.draw(st.sampled_from([0.0, 0.002, 5.0])),
        )
        for at in range(data.draw(st.integers(1, 4)))
    ]
    case = scenario(*relays, radio_range_m=data.draw(st.sampled_from([None, 900.0, 1800.0])))
    policy, time = data.draw(st.sampled_from(POLICIES)), data.draw(st.floats(0, 100))
    depths = data.draw(st.lists(st.integers(0, 20), min_size=len(relays), max_size=len(relays)))
    route, costs = Router(case, policy).route(time, depths), every_cost(case, policy, time, depths)
    if route is None:
        assert costs == {}
    else:
        assert costs[route.relays] == pytest.approx(min(costs.values()), rel=1e-12)
        assert len(route.links_s) == len(route.relays) + 1


def test_the_shortest_path_follows_the_relays_as_they_fly() -> None:
    # mirror images that sway together: whoever is nearer to the axis changes when the sine changes sign, every 10 s
    case = scenario(
        relay("north", base_y_m=400.0, amplitude_m=900.0, period_s=20.0),
        relay("south", base_y_m=-400.0, amplitude_m=900.0, period_s=20.0),
        sim_time_s=60.0,
    )
    trace = simulate(case, "shortest_path", seed=1, replication=0)
    north = [trace.routes[at] == (0,) for at in trace.route]
    assert north == [math.sin(2 * math.pi * born / 20) < 0 for born in trace.born_s]


def test_equal_paths_go_to_the_relay_that_stands_first_and_bias_turns_that() -> None:
    twins = [relay("a"), relay("b")]
    assert Router(scenario(*twins), "shortest_path").route(0.0, [9, 0]).relays == (0,)
    assert Router(scenario(*twins), "queue_aware").route(0.0, [1, 0]).relays == (1,)
    twins[0]["bias_ms"] = 1e-9
    assert Router(scenario(*twins), "shortest_path").route(0.0, [0, 0]).relays == (1,)


def test_bias_is_a_preference_and_no_delay() -> None:
    plain, biased = (
        simulate(scenario(relay("r", bias_ms=bias)), "shortest_path", seed=1, replication=0)
        for bias in (0.0, 50.0)
    )
    assert np.array_equal(plain.delay_s, biased.delay_s, equal_nan=True)


def test_out_of_reach_packets_are_dropped_where_they_were_born() -> None:
    case = scenario(relay("r", base_y_m=0.0, amplitude_m=2000.0, period_s=20.0), radio_range_m=1100.0)
    trace = simulate(case, "shortest_path", seed=1, replication=0, most_events=10_000)
    out = [math.hypot(1000, 2000 * math.sin(2 * math.pi * born / 20), 100) > 1100 for born in trace.born_s]
    assert (trace.fate == NO_ROUTE).tolist() == out
    assert 0 < sum(out) < len(out)
    outcome, _ = measure(trace)
    assert outcome.packets_no_route == sum(out)
    assert outcome.packets_dropped == sum(out) + int((trace.fate == QUEUE_FULL).sum())
    assert {event[3] for event in trace.events if event[1] == "no_route"} == {"source"}
    rows = {row["route"]: row for row in routes(trace)}
    assert rows["none in range"]["packets"] == rows["none in range"]["dropped"] == sum(out)


def test_a_place_on_earth_is_as_far_and_in_the_direction_that_the_plane_says() -> None:
    case = scenario(relay("r"))
    for x, y in [(0, 3000), (4000, 0), (-2500, -1500)]:
        latitude, longitude = on_earth(case, (x, y, 0.0))
        a, b = math.radians(43.6), math.radians(latitude)
        east = math.radians(longitude - 1.44)
        chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(east / 2) ** 2
        assert 2 * 6_371_008.8 * math.asin(math.sqrt(chord)) == pytest.approx(math.hypot(x, y), rel=1e-3)
        assert (longitude > 1.44, latitude > 43.6) == (x > 0, y > 0)


def test_topology_and_positions_say_where_everybody_is() -> None:
    case = scenario(
        relay("r", amplitude_m=500.0, period_s=8.0), sampling_interval_s=2.0, radio_range_m=1050.0
    )
    times = sample_times(case)
    assert times == [2.0 * at for at in range(10)]
    rows = [row for row in positions(case, times) if row["node"] == "r"]
    assert [round(row["y_m"], 9) for row in rows[:5]] == [0.0, 500.0, 0.0, -500.0, 0.0]
    links = {(row["from_node"], row["to_node"]): row for row in topology(case, times)}
    assert links.keys() == {("source", "r"), ("r", "sink")}
    assert links["source", "r"]["max_distance_m"] == pytest.approx(math.hypot(1000, 500, 100))
    assert links["source", "r"]["in_range_share"] == 0.5  # at every other instant the sine is 0


# no packet is lost sight of


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_packet_is_delivered_dropped_or_under_way(data: Any) -> None:
    relays = [
        relay(
            f"r{at}",
            base_x_m=data.draw(st.sampled_from([600.0, 1000.0, 1400.0])),
            base_y_m=data.draw(st.sampled_from([-300.0, 0.0, 200.0])),
            amplitude_m=data.draw(st.sampled_from([0.0, 900.0])),
            period_s=3.0,
            queue_capacity_pkts=data.draw(st.integers(1, 6)),
            service_rate_pps=data.draw(st.sampled_from([5.0, 40.0, 200.0])),
            background_rate_pps=data.draw(st.sampled_from([0.0, 30.0])),
        )
        for at in range(data.draw(st.integers(1, 3)))
    ]
    case = scenario(*relays, sim_time_s=4.0, radio_range_m=data.draw(st.sampled_from([None, 1100.0])))
    warm_up = data.draw(st.sampled_from([0.0, 1.0]))
    policy = data.draw(st.sampled_from(POLICIES))
    trace = simulate(case, policy, seed=data.draw(st.integers(0, 99)), replication=0, warm_up_s=warm_up)
    outcome, tallies = measure(trace)
    late = trace.born_s >= warm_up

    def fates(*kinds: int) -> int:
        return sum(int((trace.fate[late] == kind).sum()) for kind in kinds)

    assert outcome.packets_generated == late.sum()
    assert outcome.packets_delivered == fates(DELIVERED) == np.isfinite(trace.delay_s[late]).sum()
    assert outcome.packets_dropped == fates(QUEUE_FULL, NO_ROUTE)
    assert outcome.packets_in_flight == fates(IN_FLIGHT)
    assert sum(row["packets"] for row in routes(trace)) == outcome.packets_generated
    assert sum(row["in_flight"] for row in routes(trace)) == outcome.packets_in_flight
    for made, tally in zip(trace.relays, tallies.values(), strict=True):
        assert made.most <= made.relay.queue_capacity_pkts
        assert 0 <= tally.busy_seconds <= tally.observed_s * (1 + 1e-12)
        assert tally.dropped <= tally.offered
    assert max(row["depth_pkts"] for row in queue_series(trace)) <= 6


def test_a_relay_that_never_ends_its_first_packet_fills_and_loses_the_rest() -> None:
    case = scenario(relay("r", service_rate_pps=1e-6, queue_capacity_pkts=7))
    outcome, tallies = measure(simulate(case, "shortest_path", seed=1, replication=0))
    assert (outcome.packets_delivered, outcome.packets_in_flight, outcome.max_queue_depth_pkts) == (0, 7, 7)
    assert outcome.packets_dropped == outcome.packets_generated - 7 == tallies["r"].dropped
    assert (outcome.pdr, outcome.e2e_delay_ms, outcome.p95_e2e_delay_ms) == (0.0, Moments(), Moments())


def test_events_tell_a_packets_way_and_the_others_are_counted() -> None:
    case = scenario(relay("r", queue_capacity_pkts=2, service_rate_pps=50.0))
    whole = simulate(case, "shortest_path", seed=1, replication=0, most_events=10**6)
    some = simulate(case, "shortest_path", seed=1, replication=0, most_events=50)
    assert (whole.events_left_out, len(some.events)) == (0, 50)
    assert some.events == whole.events[:50]
    assert some.events_left_out == len(whole.events) - 50
    ways = {}
    for time, what, packet, node, _ in whole.events:
        ways.setdefault(packet, []).append((what, node))
        assert time < 20
    endings = {tuple(way) for way in ways.values()}
    born, queued = ("generated", "source"), ("queued", "r")
    assert {(born, queued, ("delivered", "sink")), (born, ("queue_full", "r"))} <= endings
    assert [t for t, *_ in whole.events] == sorted(t for t, *_ in whole.events)


def test_what_came_before_the_warm_up_ended_counts_nowhere() -> None:
    case = scenario(relay("r", queue_capacity_pkts=3, service_rate_pps=50.0, background_rate_pps=10.0))
    trace = simulate(case, "shortest_path", seed=1, replication=0, warm_up_s=15.0)
    outcome, tallies = measure(trace)
    assert outcome.packets_generated == (trace.born_s >= 15).sum()
    assert tallies["r"].observed_s == 5.0
    assert tallies["r"].offered_source == pytest.approx(outcome.packets_generated, abs=1)
    assert tallies["r"].busy_seconds <= 5.0
