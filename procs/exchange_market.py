"""What the simulated exchange trades: its instruments, and a recording served as its market."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from procs.config import RunConfig
from procs.recorded_market import RecordedMarket
from procs.run_segments import RECORDING_DONE, RECORDING_LINES, RunSegments
from procs.served_books import ServedBooks
from shm.clock import now_ns
from trader.enums import Command, WireKind
from trader.instrument import INSTRUMENT
from trader.router.state import ORDER_API, USER_STREAM
from trader.venues.markets import market_named
from trader.venues.units_of import fill_units

if TYPE_CHECKING:
    # Of live sessions: a backtest has no sockets, and starts without what they need.
    import asyncio

    from procs.transport import WireSink
    from procs.transport.server import ServerTransport

RECORDING_CONNECTION = 0
"""Recorded frames enter the exchange's step as FRAMEs of this connection, which no client can have."""

_FRAME = int(WireKind.FRAME)
"""A member of the enumeration would be another type to the compiled inbox: compiled anew while the market begins."""

NOTIONAL_MIN = "5"
LOTS_MAX = 1_000_000
QUOTE_ASSETS = ("FDUSD", "USDT", "USDC", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")
"""What a symbol of the simulated exchange may end with."""


def exchange_instruments(config: RunConfig) -> np.ndarray:
    """The instruments of the simulated exchange, in the market's units or those of the recording.

    Without a recording they are those of BTCUSDT: on futures tick 0.10 and lot 0.001, on spot 0.01 and 0.00001; at
    least 5 in notional. What is only watched has no limits, and no value that could be traded.
    """
    market = market_named(config.market)
    rows = np.zeros(len(config.symbols), dtype=INSTRUMENT)
    for index, symbol in enumerate(config.symbols):
        row = rows[index]
        units = config.units.get(symbol)
        tick = _unit(units.price_decimals) if units else market.tick
        lot = _unit(units.size_decimals) if units else market.lot
        fill_units(
            row,
            symbol,
            tick=tick,
            lot=lot,
            size_min=lot,
            size_max=str(Decimal(lot) * LOTS_MAX),
            notional_min=NOTIONAL_MIN,
            written=(market.decimals, market.decimals),
        )
        row["symbol_id"], row["market"] = index, market.number
        quote = next((asset for asset in QUOTE_ASSETS if symbol.endswith(asset)), "")
        row["base_length"] = len(symbol) - len(quote)
        if not market.is_traded:
            row["tick_value_e8"] = 0
            row["base_length"] = 0
    return rows


def _unit(decimals: int) -> str:
    return f"{Decimal(1).scaleb(-decimals):f}"


def told_instruments(rows: np.ndarray) -> np.ndarray:
    """What a client makes of the exchange's instruments: units without the zeros that its texts end with."""
    told = rows.copy()
    for row in told:
        for decimals, multiple in (("price_decimals", "tick_multiple"), ("size_decimals", "lot_multiple")):
            while row["tick_value_e8"] and row[decimals] > 0 and row[multiple] % 10 == 0:
                row[decimals] -= 1
                row[multiple] //= 10
    return told


def venue_instruments(config: RunConfig, url: str) -> np.ndarray:
    """The instruments as the exchange at `url` lists them; what is only watched is listed nowhere."""
    from procs.venue_facts import fetch_instruments

    market = market_named(config.market)
    return fetch_instruments(url, config.symbols, market) if market.exchange_info else exchange_instruments(config)


def first_command(config: RunConfig, stage: str) -> Command:
    """What a stage is told once all are ready: RUN, but a strategy whose market is only watched stays off."""
    is_off = stage == "strategy" and not market_named(config.market).is_traded
    return Command.QUOTES_OFF if is_off else Command.RUN


def logons(config: RunConfig) -> frozenset[int]:
    """The router's connections that log on before anything else."""
    market = market_named(config.market)
    return frozenset({ORDER_API}) if market.has_listen_key else frozenset({ORDER_API, USER_STREAM})


def starts_recording(config: RunConfig) -> tuple[int, bytes]:
    """The first market client: the kind of its event and words in it. Streams stand in the path, or are subscribed."""
    is_traded = market_named(config.market).is_traded
    return (int(WireKind.CONNECTED), b"streams=") if is_traded else (int(WireKind.FRAME), b"sub")


def served_books(config: RunConfig) -> ServedBooks | None:
    """Books of a recording whose market is only watched, for its late subscribers; None of any other run."""
    market = market_named(config.market)
    return ServedBooks(market.name) if config.replay and not market.is_traded else None


class MarketWatch:
    """Passes a server's events on, notes the first market client, by the kind of its event and the words in it, and
    answers who subscribes while the recording is played."""

    def __init__(self, sink: "WireSink", seen: "asyncio.Event", config: RunConfig, served: ServedBooks | None) -> None:
        self._deliver, self._queue = sink.frame, sink.queue
        self._seen = seen
        self._kind, self._words = starts_recording(config)
        self._served = served

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn."""
        self._deliver(connection_id, kind, status, payload)
        self._note(connection_id, kind, payload, self._deliver)

    def queue(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn with another close behind it."""
        self._queue(connection_id, kind, status, payload)
        self._note(connection_id, kind, payload, self._queue)

    def _note(
        self,
        connection_id: int,
        kind: int,
        payload: bytes | memoryview,
        deliver: Callable[[int, int, int, bytes | memoryview], None],
    ) -> None:
        if kind == self._kind and not self._seen.is_set() and self._words in bytes(payload):
            self._seen.set()
        if self._served is not None:
            for snapshot in self._served.answers(connection_id, kind, bytes(payload)):
                deliver(RECORDING_CONNECTION, _FRAME, connection_id, snapshot)


async def serve_recording(
    config: RunConfig,
    segments: RunSegments,
    sink: "WireSink",
    transport: "ServerTransport",
    market_clients: "asyncio.Event",
    served: ServedBooks | None,
) -> None:
    """Serve a recording's frames at its pace times `speed`, from the moment that a market client is there.

    `served` keeps the books of what has been played, where late subscribers get snapshots."""
    import asyncio

    from procs.pacing import pump

    await market_clients.wait()
    lines = 0

    def emit(payload: bytes, receive_ns: int) -> None:
        nonlocal lines
        lines += 1
        sink.frame(RECORDING_CONNECTION, _FRAME, 0, payload)
        if served is not None:
            served.note(payload)
        segments.set_word(RECORDING_LINES, lines)

    clock = segments.clock_address
    await pump(
        RecordedMarket(config.replay),
        config.speed,
        emit,
        transport.writable,
        asyncio.Event(),
        clock_ns=lambda: int(now_ns(clock)),
    )
    segments.set_word(RECORDING_DONE, 1)
