"""What the simulated exchange trades: its instruments, and a recording served as its market."""

import asyncio

import numpy as np

from procs.config import RunConfig
from procs.recording import Recording, pump
from procs.run_segments import RECORDING_DONE, RECORDING_LINES, RunSegments
from procs.transport import WireSink
from procs.transport.server import ServerTransport
from shm.clock import now_ns
from trader.enums import WireKind
from trader.instrument import INSTRUMENT

RECORDING_CONNECTION = 0
"""Recorded frames enter the exchange's step as FRAMEs of this connection, which no client can have."""

_E8 = 100_000_000


def exchange_instruments(config: RunConfig) -> np.ndarray:
    """The instruments of the simulated exchange: tick 0.10, lot 0.001, at least 5 in notional, as BTCUSDT."""
    rows = np.zeros(len(config.symbols), dtype=INSTRUMENT)
    for index, symbol in enumerate(config.symbols):
        row = rows[index]
        row["symbol_id"] = index
        row["price_decimals"], row["tick_multiple"] = 1, 1
        row["size_decimals"], row["lot_multiple"] = 3, 1
        row["size_lots_min"], row["size_lots_max"] = 1, 1_000_000
        row["notional_e8_min"] = 5 * _E8
        row["tick_value_e8"] = _E8 // 10 // 1000
        name = symbol.encode()
        row["symbol_length"] = len(name)
        row["symbol"][: len(name)] = np.frombuffer(name, dtype=np.uint8)
    return rows


async def serve_recording(
    config: RunConfig, segments: RunSegments, sink: WireSink, transport: ServerTransport, market_clients: asyncio.Event
) -> None:
    """Serve a recording's frames at its pace times `speed`, from the moment that a market client is there."""
    await market_clients.wait()
    lines = 0

    def emit(payload: bytes, receive_ns: int) -> None:
        nonlocal lines
        lines += 1
        sink.frame(RECORDING_CONNECTION, WireKind.FRAME, 0, payload)
        segments.set_word(RECORDING_LINES, lines)

    clock = segments.clock_address
    await pump(
        Recording(config.replay),
        config.speed,
        emit,
        transport.writable,
        asyncio.Event(),
        clock_ns=lambda: int(now_ns(clock)),
    )
    segments.set_word(RECORDING_DONE, 1)
