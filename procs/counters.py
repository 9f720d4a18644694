"""Counters: what each stage counts for the whole run, so that a successor goes on where its predecessor ended.

A stage's state begins empty when it is replaced; counts do not. They stand in the state that the dead one left, each in
one word, and are added to the new one's before it is started: results and views read one state and know of no
generations. Nothing that decides is among them, except sums that only mean something together (the router's).
"""

from typing import Any

import numpy as np

from trader.router.state import COUNTERS as ROUTER_COUNTERS

_FEED = (
    "messages", "depth_updates", "levels", "quotes", "trades", "history", "snapshots", "others", "foreign",
    "bad_frames", "gaps", "resyncs", "reconnects", "checked", "mismatched", "faults",
)  # fmt: skip
_DESK = (
    "intents", "refusals", "denied", "cancels", "requotes", "rejects", "executions", "unmatched", "live_ns",
    "quoted_both_ns",
)  # fmt: skip
_RISK = (
    "refused", "refused_by_reason", "pulls", "pulled", "reports", "fills", "duplicate_fills", "late_fills", "overfills",
    "position_mismatches",
)  # fmt: skip
_OPEN_NOW = "open_orders"

COUNTED: dict[str, tuple[str, ...]] = {
    "feed": tuple(f"feed.{name}" for name in _FEED),
    "book": (
        "messages", "trades", "tops", "market_events", "market_dropped", "resyncs_asked", "foreign",
        "books.check.checked", "books.check.mismatched", "books.check.skipped", "books.failures",
    ),
    "strategy": ("quote_calls", "doubts", *(f"desk.{name}" for name in _DESK)),
    "risk": tuple(f"risk.{name}" for name in _RISK),
    "router": tuple(f"router.{name}" for name in ROUTER_COUNTERS if name != _OPEN_NOW),
    "volatility": ("events", "ignored", "gaps", "windows", "published"),
}  # fmt: skip
"""By stage: fields of its STATE, through records by dots."""


def carry_counters(stage: str, state: np.ndarray, left: np.ndarray) -> None:
    """Add what the predecessor of a stage had counted (its state as it was left) to a state that was just started."""
    for path in COUNTED.get(stage, ()):
        *records, name = path.split(".")
        own: Any = state
        old: Any = left
        for record in records:
            own, old = own[record], old[record]
        own[name] += old[name]
    if stage == "risk":
        risk, dead = state[0]["risk"], left[0]["risk"]
        risk["earlier_pnl_e8"] = dead["earlier_pnl_e8"] + dead["pnl_e8"]
