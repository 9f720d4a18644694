"""The result of a finished run: one structure, which is the JSON of `--json`, and how it is printed.

Ours is what risk, router and strategy hold; the venue's is the exchange's own ledger, which shares no code with
them. A run is ok when nothing failed and both agree.
"""

import sys
from typing import Protocol, TextIO

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from procs.config import BudgetsConfig, RunConfig
from procs.figures import format_count, format_span
from procs.placement import groups
from procs.readings import (
    MAY_LOSE,
    Memory,
    Units,
    book_checks,
    drops,
    first_quote_ns,
    latencies,
    ledger_of,
    market_frames,
    orders_of,
    pnl_of,
    positions_of,
    quoted_share,
    service_ns,
    units_of_run,
)
from procs.restarts import Restart
from procs.run_segments import FIRST_QUOTE_WORD, RunSegments
from trader.venues.markets import market_named


class Planned(Protocol):
    """Whatever knows the run's configuration: a LaunchPlan, a backtest."""

    @property
    def config(self) -> RunConfig:
        """The configuration."""


class BookCounts(msgspec.Struct, frozen=True):
    """All books against the venue's best quotes."""

    checked: int = 0
    mismatched: int = 0
    gaps: int = 0
    resyncs: int = 0


class OrderCounts(msgspec.Struct, frozen=True):
    """Counts of a run. `filled`: executions; `denied`: refused here; `pulled`: cancelled by risk because the market
    left them behind; `unknown`: outcome not known at the end."""

    placed: int = 0
    acked: int = 0
    filled: int = 0
    canceled: int = 0
    expired: int = 0
    rejected: int = 0
    denied: int = 0
    pulled: int = 0
    unknown: int = 0


class PositionPair(msgspec.Struct, frozen=True):
    """A position in the base asset, and in lots, by us and by the venue."""

    ours: float
    venue: float
    ours_lots: int
    venue_lots: int


class OpenOrders(msgspec.Struct, frozen=True):
    """Orders that rest at the end, by us and by the venue."""

    ours: int = 0
    venue: int = 0


class HopLatency(msgspec.Struct, frozen=True):
    """One hop, nanoseconds."""

    count: int = 0
    p50: int = 0
    p99: int = 0
    p999: int = 0
    max: int = 0


class Summary(msgspec.Struct, frozen=True):
    """The whole result. `market`: a name of trader.venues.markets; `events`: frames of the venue's market stream; `pnl`
    in the quote currency; `cpu_percent` by stage, of one core; `quoted_share`: 0 to 1 of the time with a LIVE book;
    `seconds_to_first_quote` from the command, null when there was none; `restarts`: processes that were replaced."""

    ok: bool
    problems: list[str]
    placement: str
    market: str = ""
    duration_s: float = 0.0
    events: int = 0
    books: BookCounts = BookCounts()
    orders: OrderCounts = OrderCounts()
    quoted_share: float = 0.0
    position: dict[str, PositionPair] = {}
    open_orders: OpenOrders = OpenOrders()
    pnl: float = 0.0
    drops: dict[str, int] = {}
    cpu_percent: dict[str, float] = {}
    latency_ns: dict[str, HopLatency] = {}
    seconds_to_first_quote: float | None = None
    restarts: list[Restart] = []

    @classmethod
    def failed(cls, placement: str, problem: str) -> "Summary":
        """The result of a run that did not come to trade."""
        return cls(ok=False, problems=[problem], placement=placement)


def collect(
    memory: Memory,
    plan: Planned,
    *,
    duration_s: float,
    cpu_percent: dict[str, float],
    began: float,
    failure: str = "",
    restarts: list[Restart] | None = None,
) -> Summary:
    """Read the result before the memory goes. `cpu_percent`: by process; `began`: monotonic seconds of the command."""
    units = units_of_run(memory)
    orders, books, lost = orders_of(memory), book_checks(memory, len(units)), drops(memory)
    venue_open = sum(int(ledger_of(memory, symbol_id)["open_orders"]) for symbol_id in range(len(units)))
    found = [failure] if failure else []
    if not units and not failure:
        found.append("the venue named no instrument")
    found += _position_problems(memory, units)
    if orders.open != venue_open:
        found.append(f"open orders: ours {orders.open}, the venue's {venue_open}")
    if orders.unknown:
        found.append(f"{orders.unknown} orders of unknown outcome")
    if books.mismatched:
        found.append(f"books: {books.mismatched} of {books.checked} checks differ from the venue's best quotes")
    found += [f"link {link}: {count} messages lost" for link, count in lost.items() if count and link not in MAY_LOSE]
    quote_ns = _first_quote(memory)
    return Summary(
        ok=not found,
        problems=found,
        placement=plan.config.placement,
        market=plan.config.market,
        duration_s=round(duration_s, 3),
        events=market_frames(memory),
        books=BookCounts(books.checked, books.mismatched, books.gaps, books.resyncs),
        orders=OrderCounts(**{name: getattr(orders, name) for name in OrderCounts.__struct_fields__}),
        quoted_share=round(quoted_share(memory), 6),
        position=_positions(memory, units),
        open_orders=OpenOrders(orders.open, venue_open),
        pnl=pnl_of(memory),
        drops=lost,
        cpu_percent=cpu_by_stage(memory, plan.config.placement, cpu_percent),
        latency_ns={
            hop: HopLatency(found.count, found.p50, found.p99, found.p999, found.max)
            for hop, found in latencies(memory).items()
        },
        seconds_to_first_quote=round(quote_ns / 1e9 - began, 3) if quote_ns else None,
        restarts=restarts or [],
    )


def _first_quote(memory: Memory) -> int:
    seen = memory.word(FIRST_QUOTE_WORD) if isinstance(memory, RunSegments) else 0
    return seen or first_quote_ns(memory)


def _positions(memory: Memory, units: list[Units]) -> dict[str, PositionPair]:
    lots = positions_of(memory, len(units))
    return {
        unit.symbol: PositionPair(float(unit.size(ours)), float(unit.size(venue)), ours, venue)
        for unit, ours, venue in zip(units, lots["risk"], lots["exchange"], strict=True)
    }


def _position_problems(memory: Memory, units: list[Units]) -> list[str]:
    """Every party that holds another position than the exchange's ledger."""
    lots = positions_of(memory, len(units))
    return [
        f"position {unit.symbol}: {party} {unit.size(lots[party][row])}, the venue's {unit.size(lots['exchange'][row])}"
        for row, unit in enumerate(units)
        for party in ("risk", "router", "strategy")
        if lots[party][row] != lots["exchange"][row]
    ]


def cpu_by_stage(memory: Memory, placement: str, by_process: dict[str, float]) -> dict[str, float]:
    """CPU by stage from CPU by process; stages that share one get it by the time spent in their steps."""
    found = {}
    stages_of = {group.name: group.stages for group in groups(placement)}
    for process, percent in by_process.items():
        stages = stages_of.get(process, (process,))
        if len(stages) == 1:
            found[stages[0]] = round(percent, 2)
            continue
        spent = {stage: service_ns(memory, stage) for stage in stages}
        total = sum(spent.values())
        for stage in stages:
            share = spent[stage] / total if total else 1 / len(stages)
            found[stage] = round(percent * share, 2)
    return found


def render(summary: Summary, budgets: BudgetsConfig | None = None, *, file: TextIO | None = None) -> None:
    """Print the result for people; without colour where it is not a terminal."""
    console = Console(file=file or sys.stdout, highlight=False, width=None if (file or sys.stdout).isatty() else 120)
    verdict = Text("ok", style="bold green") if summary.ok else Text("NOT OK", style="bold red")
    console.print(Text.assemble("result: ", verdict, f"  {summary.placement}, {summary.duration_s:.1f} s"))
    for problem in summary.problems:
        console.print(Text(f"  {problem}", style="red"))
    console.print(_result_table(summary))
    if any(hop.count for hop in summary.latency_ns.values()):
        console.print(_latency_table(summary, budgets or BudgetsConfig()))


def market_line(name: str) -> str:
    """What a run can do on a market, in one line."""
    return name if market_named(name).is_traded else f"{name}: market data only, no orders; the strategy is off"


def _result_table(summary: Summary) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    first = summary.seconds_to_first_quote
    if summary.market:
        table.add_row("market", market_line(summary.market))
    table.add_row("events", f"{summary.events:,}")
    table.add_row("books", ", ".join(f"{getattr(summary.books, key):,} {key}" for key in BookCounts.__struct_fields__))
    table.add_row(
        "orders", ", ".join(f"{getattr(summary.orders, key):,} {key}" for key in OrderCounts.__struct_fields__)
    )
    quoted = f"both sides {summary.quoted_share:.1%} of the time with a LIVE book"
    table.add_row("quoted", f"{quoted}, first after {first:.1f} s" if first is not None else "never")
    for symbol, pair in summary.position.items():
        agree = "agreed" if pair.ours_lots == pair.venue_lots else "DIFFERENT"
        table.add_row(f"position {symbol}", f"{pair.ours:g} ours, {pair.venue:g} the venue's: {agree}")
    table.add_row("open orders", f"{summary.open_orders.ours} ours, {summary.open_orders.venue} the venue's")
    table.add_row("PnL", f"{summary.pnl:+.2f}")
    for restart in summary.restarts:
        table.add_row(f"restart at {restart.at_s:.1f} s", _how_restarted(restart))
    lost = ", ".join(f"{count:,} on {link}" for link, count in summary.drops.items() if count)
    table.add_row("drops", lost or "none")
    cpu = ", ".join(f"{stage} {percent:.1f}%" for stage, percent in summary.cpu_percent.items())
    table.add_row("CPU, of one core", cpu or "-")
    return table


def _how_restarted(restart: Restart) -> str:
    after_s = restart.quoting_after_s
    return f"{restart.cause}; " + (f"quoting again after {after_s:.2f} s" if after_s is not None else "no quote since")


def _latency_table(summary: Summary, budgets: BudgetsConfig) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("hop", "count", "p50", "p99", "p99.9", "max", "budget", "p99 within"):
        table.add_column(heading, justify="left" if heading == "hop" else "right")
    for name, hop in summary.latency_ns.items():
        budget_ns = budgets.budget_ns(name)
        over = hop.p99 > budget_ns
        verdict = Text("-") if not hop.count else Text("over", style="red") if over else Text("pass", style="green")
        spans = [format_span(value) if hop.count else "-" for value in (hop.p50, hop.p99, hop.p999, hop.max)]
        table.add_row(name, format_count(hop.count), *spans, format_span(budget_ns), verdict)
    return table
