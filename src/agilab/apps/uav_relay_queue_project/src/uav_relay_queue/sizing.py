"""What was measured as a network to simulate, and its bottleneck sized for a loss that is allowed."""

from typing import Any, Literal

from uav_network.metrics import Case
from uav_network.queueing import mm1k, offered_for_loss, service_for_loss
from uav_network.scenario import Scenario

Plan = Literal["as_is", "upgraded"]
PLANS: tuple[Plan, ...] = ("as_is", "upgraded")

MARGIN = 10
"""A relay that is upgraded is sized for this part of the loss that it may have.

Sized for the target itself, half of all upgrades would miss it. And losses come in few bursts: where all are in one of
twelve replications, their 95 % bound lies six times above their share (e^t for t = 1.80), and a measured load that is a
few percent too low makes as many tens of percent more of a small loss. Ten covers both, for a few percent of service.
"""

Upgrade = dict[str, Any]
"""`relay`, `from_pps`, `to_pps`."""


def networks(before: Case, target_loss: float) -> dict[Plan, tuple[Scenario, Upgrade | None]]:
    """The network of each plan, with what it changes: as it is, and upgraded where the bottleneck loses too much.

    Raises pydantic's ValidationError where the measured rates, or the rate that is needed, leave a scenario's limits.
    """
    plain = as_measured(before)
    plans: dict[Plan, tuple[Scenario, Upgrade | None]] = {"as_is": (Scenario.model_validate(plain), None)}
    relay = next((one for one in plain["relays"] if one["relay_id"] == before.bottleneck_relay), None)
    if relay and needed_service(before, target_loss) > relay["service_rate_pps"]:
        to_pps = needed_service(before, target_loss / MARGIN)
        made = {"relay": relay["relay_id"], "from_pps": relay["service_rate_pps"], "to_pps": to_pps}
        relay["service_rate_pps"] = to_pps
        plans["upgraded"] = Scenario.model_validate(plain), made
    return plans


def as_measured(before: Case) -> dict[str, Any]:
    """The scenario with the rates that were measured in place of those that it said."""
    plain = before.network.model_dump()
    plain["source_rate_pps"] = before.packets_generated / before.observed_s
    for relay, load in zip(plain["relays"], before.relays, strict=True):
        relay["background_rate_pps"] = load.offered_background_pps
    return plain


def needed_service(before: Case, target_loss: float) -> float:
    """The service rate (packets/s) with which the bottleneck, which there is, would lose `target_loss`, by M/M/1/K.

    Sized for the mean rate that it was offered or, where that does not explain what it lost because packets came in
    bursts, for the rate that does.
    """
    at = next(at for at, load in enumerate(before.relays) if load.relay_id == before.bottleneck_relay)
    relay, load = before.network.relays[at], before.relays[at]
    offered, room = load.offered_pps, relay.queue_capacity_pkts
    if load.loss_share > mm1k(offered, relay.service_rate_pps, room).loss:
        offered = offered_for_loss(relay.service_rate_pps, room, load.loss_share)
    return service_for_loss(offered, room, target_loss)
