"""How often a running system has asked its venue, and how often it had to wait: the token buckets, as plain values."""

from dataclasses import dataclass
from typing import Any

from procs.readings import Memory, record_of
from trader.pacing import SECOND_NS, Endpoint


@dataclass(frozen=True)
class PaceView:
    """A bucket since its stage began: requests `per_s`, at once (`burst`), those let through, times none was left."""

    stage: str
    endpoint: str
    per_s: float
    burst: int
    passed: int
    refused: int


def paces_in(memory: Memory) -> tuple[PaceView, ...]:
    """Every bucket of feed and router from which something was taken."""
    found = []
    for stage in ("feed", "router"):
        buckets = record_of(memory, stage, stage.upper())["pacer"]["buckets"]
        found += [_pace_view(stage, endpoint, buckets[endpoint]) for endpoint in Endpoint]
    return tuple(pace for pace in found if pace.passed or pace.refused)


def _pace_view(stage: str, endpoint: Endpoint, bucket: Any) -> PaceView:
    interval_ns = max(int(bucket["interval_ns"]), 1)
    return PaceView(
        stage=stage,
        endpoint=endpoint.name.lower(),
        per_s=round(SECOND_NS / interval_ns, 3),
        burst=int(bucket["depth_ns"]) // interval_ns,
        passed=int(bucket["passed"]),
        refused=int(bucket["refused"]),
    )
