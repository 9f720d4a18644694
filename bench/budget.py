"""The budgets of the systems that this one is measured by: component, their budget, ours, achieved, pass or fail.

    row              p50 or p99 of a row of a suite, measured now
    process, fused   p50 or p99 of a hop of a short run of the main job, real processes and sockets, every stamp
                     and check on
    none             named by the source, not ours to judge

Sources: B, a market maker's critical path of 5 ms; C, an engine cycle; D, an order plane with p95 below 200 ms, held
here with the stricter p99; E, a tail-risk engine. What could not be measured fails.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.main_job import main_job
from bench.report import readable
from bench.results import RATE, TIME, Row

US = 1e3
MS = 1e6
RUN_S = {False: 20, True: 3}
"""Seconds that each placement trades: full, and smoke."""


class Budget(NamedTuple):
    """One line. `theirs_ns`: the source's budget; `ours_ns`: what we hold ourselves to, None where it is only stated."""

    source: str
    component: str
    theirs_ns: float
    ours_ns: float | None
    place: str
    name: str
    percentile: str


# fmt: off
BUDGETS = (
    # source, component                               theirs    ours      measured as
    Budget("B", "market data feed, socket to event",    100 * US, 10 * US,  "process", "feed", "p50"),
    Budget("B", "order book, raw message to book",      100 * US, 1 * US,   "row", "book.raw_to_book", "p50"),
    Budget("B", "slippage estimate",                    100 * US, 200,      "row", "orders.slippage", "p50"),
    Budget("B", "risk checks",                          200 * US, 500,      "row", "orders.risk_check", "p99"),
    Budget("B", "order routing, to bytes on a socket",  500 * US, 20 * US,  "fused", "risk_router", "p50"),
    Budget("B", "exchange network (loopback here)",     4 * MS,   None,     "none", "", "p50"),
    Budget("B", "total over processes",                 5 * MS,   80 * US,  "process", "tick_to_order", "p50"),
    Budget("B", "total fused, event to encoded order",  5 * MS,   1 * US,   "row", "pipeline.tick_to_order_fused", "p50"),
    Budget("C", "engine cycle",                         10 * MS,  80 * US,  "process", "tick_to_order", "p50"),
    Budget("D", "bus, one hop of it (a ring here)",     40 * MS,  1 * US,   "row", "transport.ring_one_way", "p99"),
    Budget("D", "data, frame to events",                30 * MS,  500 * US, "process", "feed", "p99"),
    Budget("D", "signals, 252 times 60 assets, K = 6",  60 * MS,  2 * MS,   "row", "signals.orthogonalise", "p50"),
    Budget("D", "risk",                                 5 * MS,   500,      "row", "orders.risk_check", "p99"),
    Budget("D", "placement, approved to bytes",         50 * MS,  500 * US, "process", "risk_router", "p99"),
    Budget("D", "buffer",                               15 * MS,  None,     "none", "", "p99"),
    Budget("D", "end to end",                           200 * MS, 500 * US, "process", "tick_to_order", "p99"),
    Budget("E", "tail-risk assessment",                 250 * US, 20 * US,  "row", "tail_risk.tail_assessment", "p50"),
    Budget("E", "tail-risk assessment, p99",            2 * MS,   50 * US,  "row", "tail_risk.tail_assessment", "p99"),
)
# fmt: on


class Verdict(NamedTuple):
    """A budget and what was achieved; None where it was not measured. `passed` is None for what is only stated."""

    budget: Budget
    achieved_ns: float | None
    passed: bool | None


def rows_wanted() -> set[tuple[str, str]]:
    """(suite, row) of every row that a budget looks at."""
    pairs = (budget.name.split(".") for budget in BUDGETS if budget.place == "row")
    return {(suite, row) for suite, row in pairs}


def judge(rows: Sequence[Row], hops: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Hold rows, and the hops of one run of each placement, against the budgets, in their order."""
    found = {f"{row.suite}.{row.name}": row for row in reversed(rows)}
    verdicts = []
    for budget in BUDGETS:
        achieved = (
            _of_row(found.get(budget.name), budget.percentile)
            if budget.place == "row"
            else _of_hop(hops.get(budget.place, {}).get(budget.name), budget.percentile)
        )
        passed = None if budget.ours_ns is None else achieved is not None and achieved <= budget.ours_ns
        verdicts.append(Verdict(budget, achieved, passed))
    return verdicts


def _of_row(row: Row | None, percentile: str) -> float | None:
    if row is None:
        return None
    if row.unit == RATE:
        return 1e9 / row.p50
    value: float | None = getattr(row, percentile)
    return value


def _of_hop(hop: Any, percentile: str) -> float | None:
    return float(hop[percentile]) if hop and hop["count"] else None


def measure_hops(*, smoke: bool) -> dict[str, dict[str, Any]]:
    """Trade for some seconds on the generated market in each placement: hops by placement. Raises RuntimeError."""
    span = f"{RUN_S[smoke]}s"
    return {
        placement: main_job("--placement", placement, "--duration", span)["latency_ns"]
        for placement in ("process", "fused")
    }


def print_budgets(verdicts: Sequence[Verdict], *, smoke: bool) -> None:
    """Print the table; a smoke run judges nothing."""
    print(f"\n{'':3}{'component':38}{'budget':>9}{'ours':>9}{'achieved':>10}")
    for budget, achieved, passed in verdicts:
        ours, value = (readable(number, TIME) for number in (budget.ours_ns, achieved))
        word = "not judged" if passed is None or smoke else "pass" if passed else "FAIL"
        print(
            f"{budget.source:3}{budget.component:38}{readable(budget.theirs_ns, TIME):>9}{ours:>9}{value:>10}"
            f" {budget.percentile if achieved is not None else '':4} {word}"
        )
