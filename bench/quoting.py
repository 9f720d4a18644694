"""The README's figures: a few rows of RESULTS.md, put between two marks by the command that writes both."""

from collections.abc import Sequence
from pathlib import Path

from bench.report import readable
from bench.results import TIME, Row

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- figures: written by trader bench --publish -->"
END = "<!-- end of figures -->"

QUOTED = {
    "book.book_update": "one price level of a book",
    "book.parse_depth_update": "a depth message, text to ticks and lots",
    "transport.ring_one_way": "a message from core to core",
    "volatility.volatility_update": "one update of 1,000 particles",
    "signals.orthogonalise": "252 times 60 assets, K = 6, made orthogonal",
    "orders.risk_check": "all pre-trade checks",
    "orders.order_rate": "orders a second, through the whole engine",
    "orders.socket_to_socket": "market frame to order on the wire, fused, sockets included",
    "pipeline.tick_to_order_kernels": "touch to order text, kernels alone",
    "pipeline.tick_to_order_fused": "the same, fused: rings, stamps, checks, journal on",
    "pipeline.tick_to_order_fused_depth": "a depth message to an order, fused",
    "pipeline.tick_to_order_process": "receive stamp to socket over processes, two cores",
    "pipeline.replay_throughput": "backtest, rows a second, everything on",
    "pipeline.start_to_result": "start of Python to the first result of that backtest",
}
"""Rows, as suite and name, and what they are called where nobody knows them yet."""


def quote(text: str, machine: str, date: str, rows: Sequence[Row]) -> str:
    """A README with new figures between its marks. Raises ValueError where it has not one of each, in order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"README: allowed one '{BEGIN}' and one '{END}' behind it")
    before, rest = text.split(BEGIN)
    return before + "\n".join([BEGIN, *_lines(machine, date, rows), END]) + rest.split(END)[1]


def _lines(machine: str, date: str, rows: Sequence[Row]) -> list[str]:
    table = [
        f"| {called} | {readable(own[0].p50, own[0].unit)} | {_wanted(own)} | {_rivals(own)} |"
        for name, called in QUOTED.items()
        if (own := [row for row in rows if f"{row.suite}.{row.name}" == name])
    ]
    head = f"Medians, {machine}, {date}, in turn with the others in one run:"
    return [head, "", "| | ours | wanted | beside, and how many times better ours is |", "|---|---|---|---|", *table]


def _wanted(rows: Sequence[Row]) -> str:
    """The strictest of a row's targets, each rival's included, and whether all were reached."""
    targets = [row.target for row in rows if row.target is not None]
    if not targets:
        return ""
    unit, missed = rows[0].unit, any(row.passed is False for row in rows)
    bound = f"at most {readable(min(targets), unit)}" if unit == TIME else f"at least {readable(max(targets), unit)}"
    return f"{bound}: missed" if missed else bound


def _rivals(rows: Sequence[Row]) -> str:
    return ", ".join(
        f"{row.rival} {readable(row.rival_p50, row.unit)} ({row.ratio:g})" for row in rows if row.ratio is not None
    )
