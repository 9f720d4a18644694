"""A snapshot as people see it: a table on a terminal, one plain line a second anywhere else.

    header     run, placement, time, events, what stands in the way of trading
    stages     state, core, CPU, messages        hops    latency against its budget, the limit
    symbols    book, touch, our quotes, position, what is believed of the volatility
    orders     counts, PnL, quoted share, checks of the book, drops
    status     what a person should look at, or what signals and tail risk say

Fits 80 by 24. Colour says nothing that the text does not say too.
"""

import sys
import time
from types import TracebackType
from typing import TextIO

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from procs.config import RunConfig
from procs.durations import format_duration
from procs.figures import format_count, format_span
from procs.readings import Orders
from procs.snapshot import HopView, Snapshot, StageView, SymbolView

PLAIN_EVERY_S = 1.0
WIDTH = 80

_STAGES_WIDTH = 39
_ROWS_BESIDE_SYMBOLS = 23
_ROWS_BESIDE_HOPS = 3
"""Stages more than hops: the panels beside one another end together."""

_STATE_STYLES = {"running": "green", "done": "dim", "failed": "bold red", "boot": "yellow"}
_BOOK_STYLES = {"LIVE": "green", "SYNCING": "yellow", "STALE": "bold red", "INIT": "dim"}


class LiveView:
    """Shows snapshots while it is entered. `duration_s` 0: no end is planned; `screen`: take the whole terminal."""

    def __init__(
        self,
        config: RunConfig | None = None,
        duration_s: float = 0.0,
        *,
        file: TextIO | None = None,
        screen: bool = False,
    ) -> None:
        self._market = _market(config) if config else ""
        self._duration_s = duration_s
        self._console = Console(file=file or sys.stdout)
        self._live: Live | None = None
        self._screen = screen
        self._next_line_s = 0.0
        self._rate = _Rate()

    def __enter__(self) -> "LiveView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, snapshot: Snapshot) -> None:
        """Show it: at once on a terminal, as one line a second elsewhere."""
        if self._console.is_terminal:
            rows = max(self._console.height - _ROWS_BESIDE_SYMBOLS, 1)
            rate = self._rate.of(snapshot)
            shown = picture(snapshot, market=self._market, duration_s=self._duration_s, symbol_rows=rows, rate=rate)
            if self._live is None:
                # Begun with the first moment to show, so that a progress bar may stand here until then. No
                # thread of its own: the caller's updates are the refresh rate.
                self._live = Live(console=self._console, auto_refresh=False, screen=self._screen)
                self._live.start()
            self._live.update(shown, refresh=True)
        elif time.monotonic() >= self._next_line_s:
            # On a grid of seconds, so that looks that come a little late do not add up.
            late_s = time.monotonic() - self._next_line_s
            self._next_line_s += PLAIN_EVERY_S if late_s < PLAIN_EVERY_S else late_s + PLAIN_EVERY_S
            self._console.file.write(plain_line(snapshot) + "\n")
            self._console.file.flush()


class _Rate:
    """Events a second, over the last second or so."""

    def __init__(self) -> None:
        self._at_s = self._rate = 0.0
        self._events = 0

    def of(self, snapshot: Snapshot) -> float:
        elapsed_s = snapshot.elapsed_s - self._at_s
        if elapsed_s >= 1.0:
            self._rate = (snapshot.events - self._events) / elapsed_s
            self._at_s, self._events = snapshot.elapsed_s, snapshot.events
        return self._rate


def _market(config: RunConfig) -> str:
    if not config.replay:
        return "generated market"
    speed = f"x{config.speed:g}" if config.speed else "at full speed"
    return f"replay {speed}"


def picture(
    snapshot: Snapshot, *, market: str = "", duration_s: float = 0.0, symbol_rows: int = 4, rate: float = 0.0
) -> Group:
    """The whole view, 80 columns by 23 rows and one for each symbol behind the first."""
    beside = Table.grid(expand=False)
    beside.add_column(width=_STAGES_WIDTH)
    beside.add_column(width=WIDTH - _STAGES_WIDTH)
    beside.add_row(_stages(snapshot.stages), _hops(snapshot.hops))
    return Group(
        _header(snapshot, market, duration_s, rate),
        beside,
        _symbols(snapshot.symbols, symbol_rows),
        _orders(snapshot),
        _status(snapshot),
    )


def _panel(content: Table | Group, title: str, width: int, right: int = 1) -> Panel:
    return Panel(
        content,
        title=title,
        title_align="left",
        box=box.ROUNDED,
        border_style="dim",
        padding=(0, right, 0, 1),
        width=width,
    )


def _table(**columns: str) -> Table:
    """A table without lines; `columns`: heading to justification, with an underscore for a blank."""
    table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False, header_style="dim", expand=True)
    for heading, justify in columns.items():
        table.add_column(heading.replace("_", " "), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    return table


def _header(snapshot: Snapshot, market: str, duration_s: float, rate: float) -> Table:
    line = Table.grid(expand=False)
    line.add_column(width=52, no_wrap=True)
    line.add_column(width=WIDTH - 52, no_wrap=True, justify="right")
    planned = f" of {format_duration(duration_s)}" if duration_s else ""
    line.add_row(
        Text.assemble(
            (" trader ", "bold reverse"),
            "  ".join(("", snapshot.placement, *([market] if market else []), f"{snapshot.elapsed_s:.1f}s{planned}")),
        ),
        Text.assemble("events ", (f"{snapshot.events:,}", "bold"), f"  {rate:,.0f}/s "),
    )
    return line


def _stages(stages: tuple[StageView, ...]) -> Panel:
    table = _table(stage="left", state="left", core="right", cpu="right", taken="right")
    for stage in stages:
        late = stage.silent
        state = "SILENT" if late else "HALTED" if stage.halted else stage.state
        style = "bold red" if late or stage.halted else _STATE_STYLES[stage.state]
        table.add_row(
            stage.name, Text(state, style=style), stage.core, f"{stage.cpu_percent:.0f}%", format_count(stage.taken)
        )
    return _panel(table, "stages", _STAGES_WIDTH)


def _hops(hops: tuple[HopView, ...]) -> Panel:
    table = _table(hop="left", p50="right", p99="right", max="right", limit="right")
    table.columns[2].min_width = 6  # a mark stands behind what is over its budget
    for hop in hops:
        found = hop.latency
        style = "red" if hop.over_budget else "yellow" if 2 * found.p99 > hop.budget_ns else "green"
        mark = "!" if hop.over_budget else " "
        cells = [format_span(value) if found.count else "-" for value in (found.p50, found.p99, found.max)]
        budget = format_span(hop.budget_ns) if hop.budget_ns else "-"
        table.add_row(hop.name, cells[0], Text(cells[1] + mark, style=style if found.count else ""), cells[2], budget)
    for _ in range(_ROWS_BESIDE_HOPS):
        table.add_row("")
    return _panel(table, "latency by hop", WIDTH - _STAGES_WIDTH, right=0)


def _symbols(symbols: tuple[SymbolView, ...], rows: int) -> Panel:
    table = _table(
        symbol="left", book="left", bid="right", ask="right", our_bid="right", our_ask="right", position="right",
        vol_bps="right",
    )  # fmt: skip
    shown = symbols if len(symbols) <= rows else symbols[: max(rows - 1, 1)]
    for symbol in shown:
        table.add_row(
            Text(symbol.units.symbol, style="bold"),
            Text(symbol.book_state, style=_BOOK_STYLES[symbol.book_state]),
            _price(symbol, symbol.bid_ticks),
            _price(symbol, symbol.ask_ticks),
            Text(_price(symbol, symbol.own_bid_ticks), style="cyan"),
            Text(_price(symbol, symbol.own_ask_ticks), style="magenta"),
            Text(symbol.units.size(symbol.position_lots), style="bold" if symbol.position_lots else ""),
            Text(_volatility(symbol), style="" if symbol.belief == "LIVE" else "yellow"),
        )
    if len(shown) < len(symbols):
        table.add_row(Text(f"+{len(symbols) - len(shown)} more", style="dim"))
    return _panel(table, "book, quotes, belief", WIDTH)


def _price(symbol: SymbolView, ticks: int) -> str:
    return symbol.units.price(ticks) if ticks else "-"


def _volatility(symbol: SymbolView) -> str:
    return f"{symbol.volatility_bps:.2f} {symbol.belief.lower()}"


def _orders(snapshot: Snapshot) -> Panel:
    names = [name for name in Orders.__dataclass_fields__ if name != "expired"]
    counts = _table(**dict.fromkeys(names, "right"))
    counts.add_row(*(_order_count(name, getattr(snapshot.orders, name)) for name in names))
    books = snapshot.books
    facts = Text.assemble(
        "PnL ", (f"{snapshot.pnl:+.2f}", "bold green" if snapshot.pnl >= 0 else "bold red"),
        f"   quoted {snapshot.quoted_share:.1%}   books {books.checked:,} checked ",
        (f"{books.mismatched} mismatched", "red" if books.mismatched else ""),
        f"   drops {format_count(snapshot.dropped)}",
    )  # fmt: skip
    facts.no_wrap = True
    return _panel(Group(counts, facts), "orders", WIDTH)


def _order_count(name: str, count: int) -> Text:
    alarming = name in ("rejected", "denied", "unknown") and count
    return Text(format_count(count), style="yellow" if alarming else "bold")


def _status(snapshot: Snapshot) -> Text:
    troubles = snapshot.troubles
    if troubles:
        return Text(f" {'; '.join(troubles)}", style="bold red", no_wrap=True, overflow="ellipsis")
    resting = snapshot.orders.open
    restarts = f"  {snapshot.restarts.text}" if snapshot.restarts.count else ""
    line = Text(f" {'quoting' if resting else 'no order rests'}{restarts}", no_wrap=True, overflow="ellipsis")
    line.stylize("green" if resting else "dim")
    return line.append_text(_stress(snapshot.symbols))


def _stress(symbols: tuple[SymbolView, ...]) -> Text:
    """What signals and tail risk say of the symbol that is worst off."""
    if not symbols:
        return Text("")
    worst = max(symbols, key=lambda symbol: (symbol.stress.level, symbol.stress.confidence))
    name = f"{worst.units.symbol} " if len(symbols) > 1 else ""
    style = "bold yellow" if worst.stress.alert or worst.stress.panic else "dim"
    return Text(f"  {name}{worst.stress.text}", style=style)


def plain_line(snapshot: Snapshot) -> str:
    """One line without colour: time, events, touch, volatility, position, orders, fills, PnL, tick to order."""
    parts = [f"{snapshot.elapsed_s:7.1f}s", f"events {snapshot.events}"]
    for symbol in snapshot.symbols[:2]:
        touch = f"{_price(symbol, symbol.bid_ticks)}/{_price(symbol, symbol.ask_ticks)}"
        parts.append(
            f"{symbol.units.symbol} {symbol.book_state} {touch} vol {_volatility(symbol)} "
            f"pos {symbol.units.size(symbol.position_lots)}"
        )
    parts += [symbol.stress.text for symbol in snapshot.symbols[:2] if symbol.stress.alert or symbol.stress.panic]
    orders, hop = snapshot.orders, snapshot.hop("tick_to_order").latency
    parts += [f"orders {orders.placed} open {orders.open}", f"fills {orders.filled}", f"pnl {snapshot.pnl:+.2f}"]
    spans = f"p50 {format_span(hop.p50)} p99 {format_span(hop.p99)}"
    parts.append(f"tick_to_order {spans}" if hop.count else "no order yet")
    parts += [snapshot.restarts.text] if snapshot.restarts.count else []
    return "  ".join(parts + [f"! {trouble}" for trouble in snapshot.troubles[:1]])
