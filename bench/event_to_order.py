"""Rows of the pipeline suite: decoded event to order, only of events that cause one, beside engines that do the same.

    ours        event decoded -> book -> strategy -> risk -> router: order encoded; rings, stamps, checks, journal on
    FastMM      a market event's step by its own clock: book, compiled hook, risk, order handed over
    nautilus    event told -> book -> strategy -> risk, execution engine, client: order at the venue

All place a bid at one event and take it back at the next. Best quotes and depth messages are rows of their own; what
is inside a rival's figure stands in its program (orders_fastmm.py, orders_nautilus.py).
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.backtest_file import ORDERED
from bench.decoded_rows import Market
from bench.event_rows import Events
from bench.harness import Bench
from bench.replaying import configuration
from bench.results import TIME, Absent, Contestant, Result
from bench.rivals import rival_with

QUOTES, DEPTHS = range(2)
ROWS = (
    ("tick_to_order_fused", QUOTES, 200, {"FastMM": 2.5, "nautilus": 150}),
    ("tick_to_order_fused_depth", DEPTHS, 1_000, {"FastMM": 2, "nautilus": 50}),
)
NAUTILUS_EVENTS = (10_000, 2_000)
"""Of each kind: it needs 0.1 ms for one, and its percentiles are steady by then."""


def rows(bench: Bench, recording: Path, lines: int, ours: Callable[[int], Result]) -> None:
    """Age of an order when it is encoded, by best quotes and by depth messages; `ours` takes the kind of event."""
    with tempfile.TemporaryDirectory() as folder:
        events = functools.cache(lambda: Events(Market(configuration(recording), lines, Path(folder)), Path(folder)))
        for name, kind, target_ns, at_least in ROWS:
            orders: list[int] = []
            bench.row(
                name,
                unit=TIME,
                target=target_ns,
                ours=functools.partial(_counted, ours, kind, orders),
                rivals=_rivals(events, kind, smoke=bench.smoke),
                at_least=at_least,
                answer=ORDERED,
                repeats=3,
            )
            if orders:
                print(f"pipeline {name}: {_remark(events(), kind, orders[-1])}", flush=True)


def _counted(ours: Callable[[int], Result], kind: int, orders: list[int]) -> Result:
    """Ours, with its number of orders put at the end of a list."""
    result = ours(kind)
    orders.append(0 if result.samples_ns is None else len(result.samples_ns))
    return result


def _rivals(events: Callable[[], Events], kind: int, *, smoke: bool) -> dict[str, Contestant | Absent]:
    """FastMM, and at full size nautilus, which imports for seconds."""
    found = {"FastMM": rival_with("fastmm", "bench/orders_fastmm.py", lambda: (str(events().files[kind]),))}
    if not smoke:
        most = str(NAUTILUS_EVENTS[kind])
        found["nautilus"] = rival_with(
            "nautilus", "bench/orders_nautilus.py", lambda: (str(events().files[kind]), most)
        )
    return found


def _remark(events: Events, kind: int, orders: int) -> str:
    """How many of the events of a kind caused one of our orders, and a depth message's levels."""
    told = f"{orders / max(events.counts[kind], 1):.0%} of {events.counts[kind]:,} events caused an order"
    return f"{told}, {events.levels:.1f} levels a message" if kind == DEPTHS else told
