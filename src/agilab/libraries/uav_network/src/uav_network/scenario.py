"""A scenario: who sends, who relays and who receives, and how much each can bear."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Policy = Literal["shortest_path", "queue_aware"]
POLICIES: tuple[Policy, ...] = ("shortest_path", "queue_aware")

MOST_PACKETS = 5_000_000
"""Packets that one replication may be expected to make; more would run for minutes and not fit into memory."""

MOST_SAMPLES = 100_000
"""Rows of one replication's series: instants times relays."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Metres = Annotated[float, Field(ge=-100_000, le=100_000)]
"""A coordinate in the plane around `geo_origin`, which is flat enough for 100 km."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class GeoOrigin(_Spec):
    """Where on the earth the plane's (0, 0) lies; x points east, y north."""

    latitude_deg: float = Field(ge=-85, le=85)
    longitude_deg: float = Field(ge=-180, le=180)


class Station(_Spec):
    """A node that stays where it is: the source or the sink."""

    node_id: Name
    x_m: Metres
    y_m: Metres
    alt_m: float = Field(ge=0, le=100_000)


class Relay(_Spec):
    """A relay that flies to and fro along y: `base_y_m + amplitude_m * sin(2 pi t / period_s)`.

    Service times are exponential with mean `1 / service_rate_pps`. `queue_capacity_pkts` counts the packet in service,
    as K in M/M/1/K. `bias_ms` is a preference: routing takes paths over this relay for so much longer. No packet
    waits for it.
    """

    relay_id: Name
    base_x_m: Metres
    base_y_m: Metres
    alt_m: float = Field(ge=0, le=100_000)
    amplitude_m: float = Field(ge=0, le=100_000)
    period_s: float = Field(gt=0, le=1e6)
    service_rate_pps: float = Field(gt=0, le=1e6)
    queue_capacity_pkts: int = Field(ge=1, le=1_000_000)
    background_rate_pps: float = Field(ge=0, le=1e6)
    bias_ms: float = Field(ge=0, le=1e6)


class Scenario(_Spec):
    """One network and its traffic. Reads JSON of exactly these keys; a problem is told with the key's path.

    `radio_range_m` may be left out: then everybody hears everybody. Source and sink never hear each other.
    """

    scenario: Name
    sim_time_s: float = Field(gt=0, le=1e6)
    sampling_interval_s: float = Field(gt=0)
    source_rate_pps: float = Field(gt=0, le=1e6)
    packet_size_bytes: int = Field(ge=1, le=65_535)
    geo_origin: GeoOrigin
    source_node: Station
    sink_node: Station
    relays: tuple[Relay, ...] = Field(min_length=1, max_length=32, strict=False)
    radio_range_m: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [self.source_node.node_id, self.sink_node.node_id, *(relay.relay_id for relay in self.relays)]
        if names[0] == names[1]:
            raise ValueError(f"a sink_node.node_id other than source_node.node_id ({names[0]})")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"every node_id and relay_id once ({twice} comes twice)")
        if self.sampling_interval_s > self.sim_time_s:
            raise ValueError(f"sampling_interval_s of at most sim_time_s ({self.sim_time_s:g})")
        samples = len(self.relays) * self.sim_time_s / self.sampling_interval_s
        if samples > MOST_SAMPLES:
            raise ValueError(
                f"at most {MOST_SAMPLES:,} samples (sim_time_s / sampling_interval_s x relays gives {samples:,.0f})"
            )
        if self.expected_packets > MOST_PACKETS:
            raise ValueError(
                f"at most {MOST_PACKETS:,} packets (sim_time_s x all rates gives {self.expected_packets:,.0f})"
            )
        return self

    @property
    def expected_packets(self) -> float:
        """Packets that source and background make in one replication, on average: its cost."""
        background = sum(relay.background_rate_pps for relay in self.relays)
        return self.sim_time_s * (self.source_rate_pps + background)
