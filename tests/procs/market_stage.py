"""The feed and the book stage in ordinary memory, with room for whole snapshots and instruments that have names."""

from types import SimpleNamespace

import numpy as np

from procs.topology import Full, inboxes, outboxes
from procs.wiring import bind, memory_links, stage_module
from shm.clock import virtual_clock
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from shm.ring import open_reader
from tests.procs.one_stage import OneStage
from tests.trader.market_frames import instruments
from trader.book import BookConfig
from trader.enums import Command, WireKind
from trader.feed import FeedConfig
from trader.messages import BookDelta, Control, Message, WireIn, tag_of
from trader.router.config import RouterConfig

ROOM_BYTES = 1 << 20


class MarketStage(OneStage):
    """One of the two; `symbols` are names."""

    def __init__(self, name: str, *symbols: str, **settings):
        config = SimpleNamespace(feed=FeedConfig(**settings), book=BookConfig(), router=RouterConfig())
        self.module = stage_module(name)
        self.state = new_record(self.module.STATE)
        links = {link.name: link for link in inboxes(name) + outboxes(name)}
        addresses, self.keep = memory_links(links, symbols=len(symbols))
        self.clock = virtual_clock(0)
        clock = address_of_array(self.clock)
        self.station = bind(name, addresses, symbols=len(symbols), state=self.state, clock=clock)
        self.module.start(self.state, config, instruments(*symbols))
        self.frame = np.zeros(ROOM_BYTES // 8, np.int64)
        self.readers = {link: self._reader(link, addresses[link], len(symbols)) for link in self.module.OUTBOXES}
        self.give(Control(Command.START, 0), 0)

    def _reader(self, name: str, address: int, symbols: int) -> tuple[Full, np.ndarray]:
        """A reader of a DROP link copies each frame: it needs room of its own."""
        kind, reader = super()._reader(name, address, symbols)
        if kind is Full.DROP:
            room = np.zeros(ROOM_BYTES // 8, np.int64)
            self.keep.append(room)
            open_reader(reader[0], address, 0, address_of_array(room))
        return kind, reader

    def give_bytes(self, message: Message, content: bytes, now_ns: int) -> int:
        """One step with a message whose trailing bytes field is `content`."""
        record = new_record(record_dtype(type(message)))
        *fields, last = message.__struct_fields__
        for field in fields:
            record[field] = getattr(message, field)
        raw = np.frombuffer(content or b"\0", np.uint8)
        record[f"{last}_address"], record[f"{last}_length"] = address_of_array(raw), len(content)
        return self.give_record(tag_of(type(message)), record, now_ns)

    def wire(
        self, connection_id: int, kind: WireKind, content: bytes = b"", *, status: int = 0, now_ns: int = 0
    ) -> int:
        """One step with something from the wire."""
        return self.give_bytes(WireIn(connection_id, int(kind), status, b""), content, now_ns)

    def delta(self, bids, asks, *, last: int, previous: int, snapshot: bool = False, symbol: int = 0) -> int:
        """One step with a BookDelta."""
        levels = np.array([*bids, *asks], dtype="<i8").tobytes()
        message = BookDelta(symbol, 0, 5, int(snapshot), last, last, previous, len(bids), len(asks), b"")
        return self.give_bytes(message, levels, 0)
