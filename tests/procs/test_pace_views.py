"""What `trader limits` tells of the token buckets, read from the states of feed and router."""

import numpy as np

from procs.pace_views import PaceView, paces_in
from procs.wiring import stage_module
from shm.kernel import new_record
from trader.pacing import Endpoint, PacingConfig, fill_pacer


class States:
    """States of stages, as a run's memory gives them."""

    def __init__(self) -> None:
        self._states = {stage: new_record(stage_module(stage).STATE) for stage in ("feed", "router")}

    def state(self, stage: str) -> np.ndarray:
        """One stage's state."""
        return self._states[stage]


def test_every_bucket_that_was_asked_is_told_with_its_rate_and_counts() -> None:
    memory = States()
    for stage in ("feed", "router"):
        fill_pacer(memory.state(stage)[0][stage]["pacer"], PacingConfig(orders_per_s=2_000, orders_burst=500))
    assert paces_in(memory) == ()
    orders = memory.state("router")[0]["router"]["pacer"]["buckets"][Endpoint.ORDERS]
    orders["passed"], orders["refused"] = 12, 3
    memory.state("feed")[0]["feed"]["pacer"]["buckets"][Endpoint.MARKET_DATA]["passed"] = 1

    assert paces_in(memory) == (
        PaceView("feed", "market_data", 50.0, 100, 1, 0),
        PaceView("router", "orders", 2_000.0, 500, 12, 3),
    )
