"""nautilus_trader's book: `python rivals_nautilus.py LEVEL_FILE PASSES [walk]`, under its own environment's Python.

Its deltas are made before the clock starts, one OrderBookDeltas a message.
"""

import json
import sys
import time
from typing import Any

from level_file import Level, Message, level_count, read_messages
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity

WALK_LEVELS, WALK_SIZES, WALK_EVERY = 10, 20, 100
INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")


def main(path: str, passes: int, walk: bool) -> None:
    """Mean nanoseconds a level of each pass, and the sum of the touches; or nanoseconds a walk, and the mean price."""
    messages = read_messages(path)
    deltas = [deltas_of(message) for message in messages]
    if walk:
        print(json.dumps(walks(deltas)))
        return
    levels = level_count(messages)
    samples = []
    for _ in range(passes):
        elapsed_ns, answer = one_pass(deltas)
        samples.append(elapsed_ns / levels)
    print(json.dumps({"samples_ns": samples, "answer": answer}))


def deltas_of(message: Message) -> Any:
    """One message as nautilus takes it."""
    bids, asks = message
    found = [delta(OrderSide.BUY, level) for level in bids] + [delta(OrderSide.SELL, level) for level in asks]
    return OrderBookDeltas(INSTRUMENT, found) if found else None


def delta(side: Any, level: Level) -> Any:
    """One level: no size deletes it."""
    ticks, lots = level
    action = BookAction.UPDATE if lots else BookAction.DELETE
    return OrderBookDelta(INSTRUMENT, action, BookOrder(side, Price(ticks, 0), Quantity(lots, 0), 0), 0, 0, 0, 0)


def one_pass(deltas: list[Any]) -> tuple[int, int]:
    """Feed all messages, read the touch after each."""
    book = OrderBook(INSTRUMENT, BookType.L2_MBP)
    book.apply_deltas(deltas[0])
    total = 0.0
    start_ns = time.perf_counter_ns()
    for message in deltas[1:]:
        if message is not None:
            book.apply_deltas(message)
        total += book.best_bid_price().as_double() + 3 * book.best_ask_price().as_double()
    return time.perf_counter_ns() - start_ns, int(total)


def walks(deltas: list[Any]) -> dict[str, Any]:
    """Average prices of sizes that end in the tenth level, after each WALK_EVERY-th message."""
    book = OrderBook(INSTRUMENT, BookType.L2_MBP)
    book.apply_deltas(deltas[0])
    samples, total = [], 0.0
    for number, message in enumerate(deltas[1:], 1):
        if message is not None:
            book.apply_deltas(message)
        if number % WALK_EVERY:
            continue
        # A seller takes the bids.
        orders = [(size, OrderSide.SELL) for size in sizes_into_tenth(book.bids())]
        orders += [(size, OrderSide.BUY) for size in sizes_into_tenth(book.asks())]
        start_ns = time.perf_counter_ns()
        for size, side in orders:
            total += book.get_avg_px_for_quantity(size, side)
        samples.append((time.perf_counter_ns() - start_ns) / len(orders))
    return {"samples_ns": samples, "answer": round(total / (2 * WALK_SIZES * len(samples)), 3)}


def sizes_into_tenth(levels: list[Any]) -> list[Any]:
    """From the first lot of the tenth level to its last."""
    lots = [int(level.size()) for level in levels[:WALK_LEVELS]]
    before, there = sum(lots[:-1]), lots[-1]
    return [Quantity(before + 1 + i * (there - 1) // (WALK_SIZES - 1), 0) for i in range(WALK_SIZES)]


main(sys.argv[1], int(sys.argv[2]), "walk" in sys.argv[3:])
