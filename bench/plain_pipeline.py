"""The same stages as people write them: plain Python, a process each, messages over queues.

    recorded frames at their own pace -> feed -> book -> strategy -> risk -> router: order as JSON, age noted

Each stage does what its job can't be without: msgspec decodes the frame, two dicts hold the book, a quote a side
follows the touch, risk checks size, price and position, the router writes the order. No journal, no stamps but one, no
checks of the stream, no recovery: what it leaves out favours it. All stages share one core, the market has the
other, as ours do on such a host.
"""

import functools
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.cores import on_core
from bench.results import Contestant, Result, times
from procs.affinity import pin
from procs.recording import Recording

END: tuple[()] = ()
PLACED = "orders were placed"
POSITION_MAX = 1.0
SIZE = 0.002


class Depth(msgspec.Struct):
    """A depth update, as far as a book needs it."""

    e: str
    u: int
    b: list[tuple[str, str]] = []
    a: list[tuple[str, str]] = []


class Frame(msgspec.Struct):
    """A frame of a combined stream."""

    data: msgspec.Raw


def contestant(make_queue: Callable[[], Any], recording: Path, lines: int, cores: tuple[int, int]) -> Contestant:
    """Ages of the orders that `lines` recorded frames at their own pace cause; cores: (stages', market's)."""
    return functools.partial(_run, make_queue, recording, lines, cores)


def _run(make_queue: Callable[[], Any], recording: Path, lines: int, cores: tuple[int, int]) -> Result:
    context = multiprocessing.get_context("fork")
    queues = [make_queue() for _ in range(5)]
    told = context.SimpleQueue()
    stages = [feed, book, strategy, risk]
    children = [
        context.Process(target=_stage, args=(stage, queues[index], queues[index + 1], cores[0]))
        for index, stage in enumerate(stages)
    ]
    children.append(context.Process(target=_router, args=(queues[4], told, cores[0])))
    for child in children:
        child.start()
    try:
        with on_core(cores[1]):
            _market(queues[0], recording, lines)
            ages = np.frombuffer(told.get(), dtype=np.int64)
    finally:
        for child in children:
            child.join(10)
            if child.is_alive():
                child.kill()
                child.join()
    return times(ages, PLACED if len(ages) else "no orders")


def _market(queue: Any, recording: Path, lines: int) -> None:
    """Hand out frames when they are due, whether or not the last one has been dealt with."""
    first = 0
    start = time.monotonic_ns()
    for receive_ns, payload in islice(Recording(recording), lines):
        first = first or receive_ns
        wait = start + receive_ns - first - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        queue.put(payload)
    queue.put(END)


def _stage(step: Callable[[Iterator[Any]], Iterator[Any]], inbox: Any, outbox: Any, core: int) -> None:
    """Serve until the end has come, and pass it on."""
    pin(core)
    for message in step(_messages(inbox)):
        outbox.put(message)
    outbox.put(END)


def _messages(inbox: Any) -> Iterator[Any]:
    while (message := inbox.get()) != END:
        yield message


def feed(frames: Iterator[bytes]) -> Iterator[Any]:
    """Frames to depth updates in numbers, each with the moment at which it came."""
    envelope, depth = msgspec.json.Decoder(Frame), msgspec.json.Decoder(Depth)
    for frame in frames:
        origin_ns = time.monotonic_ns()
        try:
            update = depth.decode(envelope.decode(frame).data)
        except msgspec.ValidationError:
            continue
        if update.e == "depthUpdate":
            levels = [[(float(price), float(size)) for price, size in side] for side in (update.b, update.a)]
            yield (origin_ns, *levels)


def book(updates: Iterator[Any]) -> Iterator[Any]:
    """Depth updates to touches, which are looked for only where one was deleted."""
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    bid, ask = 0.0, math.inf
    for origin_ns, bid_changes, ask_changes in updates:
        for price, size in bid_changes:
            if size:
                bids[price] = size
                bid = max(bid, price)
            else:
                bids.pop(price, None)
        for price, size in ask_changes:
            if size:
                asks[price] = size
                ask = min(ask, price)
            else:
                asks.pop(price, None)
        if bids and asks:
            if bid not in bids:
                bid = max(bids)
            if ask not in asks:
                ask = min(asks)
            yield origin_ns, bid, bids[bid], ask, asks[ask]


def strategy(touches: Iterator[Any]) -> Iterator[Any]:
    """A bid and an ask that follow the touch."""
    quoted = {1: 0.0, -1: 0.0}
    for origin_ns, bid, _, ask, _ in touches:
        for side, price in ((1, bid), (-1, ask)):
            if price != quoted[side]:
                quoted[side] = price
                yield origin_ns, side, price, SIZE, bid, ask


def risk(intents: Iterator[Any]) -> Iterator[Any]:
    """Size, collar, crossing, position."""
    position = 0.0
    for origin_ns, side, price, size, bid, ask in intents:
        middle = (bid + ask) / 2
        crosses = price >= ask if side > 0 else price <= bid
        if 0 < size <= POSITION_MAX and abs(price - middle) <= 0.05 * middle and not crosses:
            if abs(position + side * size) <= POSITION_MAX:
                yield origin_ns, side, price, size


def _router(inbox: Any, told: Any, core: int) -> None:
    """Orders to JSON; ages when each is written."""
    pin(core)
    encoder = msgspec.json.Encoder()
    ages = []
    for number, (origin_ns, side, price, size) in enumerate(_messages(inbox)):
        encoder.encode(
            {
                "id": str(number),
                "method": "order.place",
                "params": {
                    "symbol": "BTCUSDT",
                    "side": "BUY" if side > 0 else "SELL",
                    "price": str(Decimal(repr(price))),
                    "quantity": str(size),
                    "timeInForce": "GTX",
                    "newClientOrderId": f"x{number}",
                },
            }
        )
        ages.append(time.monotonic_ns() - origin_ns)
    told.put(np.array(ages, dtype=np.int64).tobytes())
