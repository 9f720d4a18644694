"""The books of a served recording, for who subscribes while it is played: a snapshot as the venue would send it now.

    recording  s0 u1 u2 u3 | u4 u5 ..       what has been played so far is kept as plain dicts of texts
    client            subscribes ^  -> a snapshot of u3's state, then u4, u5, ..

A client that was there from the beginning has had the recording's own snapshots; it gets one of these where it
subscribes again. Nothing is computed that a venue would prove its book by: a checksum is that of the last update.
Nothing here shares code with the scanners, the sessions and the books that this lets one check.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from trader.enums import WireKind

BOOK_WORDS = (b'"book', b'"l2Book"')
LEAVING = b'"unsubscribe"'
OKX_DEPTH = 400
"""Levels a side of its book; the other venues say in their frames how many theirs have."""

_DECODER = msgspec.json.Decoder(float_hook=str)


class ServedBook:
    """One symbol's book as its texts: price to whatever the venue writes of the level."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Any] = {}
        self.asks: dict[Decimal, Any] = {}
        self.depth = 0
        """Levels a side, where only the book's beginning tells it."""
        self.last: Any = None
        """The last frame's own fields beside the levels."""

    def change(self, side: dict[Decimal, Any], rows: list[Any], price: Any = 0, size: Any = 1) -> None:
        """Levels that changed, with price and size at these places or keys; size 0 removes one."""
        for row in rows:
            key = Decimal(row[price])
            if Decimal(row[size]) == 0:
                side.pop(key, None)
            else:
                side[key] = row

    def cut(self, depth: int) -> None:
        """Forget what is beyond so many levels a side: the venue tells no more of it."""
        for side, worst in ((self.bids, min), (self.asks, max)):
            while len(side) > depth:
                del side[worst(side)]

    def best(self) -> tuple[list[Any], list[Any]]:
        """Bids and asks, the best ones first."""
        bids = [self.bids[price] for price in sorted(self.bids, reverse=True)]
        return bids, [self.asks[price] for price in sorted(self.asks)]


class ServedBooks:
    """The books of a recording of one market (a name of trader.venues.markets) that is only watched."""

    def __init__(self, market: str) -> None:
        self._take, self._write = _VENUES[market]
        self._books: dict[str, ServedBook] = {}
        self._from_start: set[int] = set()
        self._asked: set[tuple[int, bytes]] = set()

    def note(self, payload: bytes) -> None:
        """A frame of the recording goes to who listens."""
        try:
            self._take(self._books, _DECODER.decode(payload), payload)
        except (msgspec.DecodeError, LookupError, TypeError, AttributeError, ArithmeticError):
            return  # whatever it is, it goes out as it is, and tells of no book

    def answers(self, connection_id: int, kind: int, payload: bytes) -> list[bytes]:
        """What a venue would send to this event of a client beside what is recorded: snapshots of what it asks for."""
        if kind == WireKind.LOST:
            self._from_start.discard(connection_id)
            self._asked = {asked for asked in self._asked if asked[0] != connection_id}
        if kind != WireKind.FRAME or LEAVING in payload or not any(word in payload for word in BOOK_WORDS):
            return []
        if not self._books:
            self._from_start.add(connection_id)
        is_first = (connection_id, payload) not in self._asked
        self._asked.add((connection_id, payload))
        if is_first and connection_id in self._from_start:
            return []
        return [
            self._write(symbol, book)
            for symbol, book in self._books.items()
            if msgspec.json.encode(symbol) in payload and book.last is not None
        ]


def _book(books: dict[str, ServedBook], symbol: str, *, whole: bool) -> ServedBook:
    """The book of a symbol, a new one where a frame tells all of it."""
    if whole or symbol not in books:
        books[symbol] = ServedBook()
    return books[symbol]


def _take_hyperliquid(books: dict[str, ServedBook], message: Any, payload: bytes) -> None:
    if message["channel"] == "l2Book":
        _book(books, message["data"]["coin"], whole=True).last = payload


def _write_hyperliquid(symbol: str, book: ServedBook) -> bytes:
    return bytes(book.last)


def _take_kraken_v1(books: dict[str, ServedBook], message: Any, payload: bytes) -> None:
    if not (isinstance(message, list) and message[-2].startswith("book-")):
        return
    book = _book(books, message[-1], whole="as" in message[1])
    book.last = message[0], message[-2]
    for contents in message[1:-2]:
        book.change(book.asks, [row[:3] for row in contents.get("as", contents.get("a", []))])
        book.change(book.bids, [row[:3] for row in contents.get("bs", contents.get("b", []))])
    book.cut(int(message[-2].removeprefix("book-")))


def _write_kraken_v1(symbol: str, book: ServedBook) -> bytes:
    number, name = book.last
    bids, asks = book.best()
    return msgspec.json.encode([number, {"as": asks, "bs": bids}, name, symbol])


def _take_kraken(books: dict[str, ServedBook], message: Any, payload: bytes) -> None:
    if message.get("channel") != "book":
        return
    for data in message["data"]:
        book = _book(books, data["symbol"], whole=message["type"] == "snapshot")
        book.change(book.bids, data["bids"], "price", "qty")
        book.change(book.asks, data["asks"], "price", "qty")
        book.depth = book.depth or max(len(data["bids"]), len(data["asks"]))
        book.last = {key: data[key] for key in ("checksum", "timestamp") if key in data}
        book.cut(book.depth)


def _write_kraken(symbol: str, book: ServedBook) -> bytes:
    """Its numbers stand bare, and as they were written."""
    bids, asks = (
        msgspec.Raw(b"[" + b",".join(f'{{"price":{row["price"]},"qty":{row["qty"]}}}'.encode() for row in rows) + b"]")
        for rows in book.best()
    )
    data = [{"symbol": symbol, "bids": bids, "asks": asks, **book.last}]
    return msgspec.json.encode({"channel": "book", "type": "snapshot", "data": data})


def _take_okx(books: dict[str, ServedBook], message: Any, payload: bytes) -> None:
    if "data" not in message or not message["arg"]["channel"].startswith("books"):
        return
    book = _book(books, message["arg"]["instId"], whole=message["action"] == "snapshot")
    data = message["data"][0]
    book.change(book.bids, data["bids"])
    book.change(book.asks, data["asks"])
    book.cut(OKX_DEPTH)
    book.last = message


def _write_okx(symbol: str, book: ServedBook) -> bytes:
    bids, asks = book.best()
    data = {**book.last["data"][0], "asks": asks, "bids": bids}
    if "prevSeqId" in data:
        data["prevSeqId"] = -1
    return msgspec.json.encode({**book.last, "action": "snapshot", "data": [data]})


_Take = Callable[[dict[str, ServedBook], Any, bytes], None]
_Write = Callable[[str, ServedBook], bytes]

_VENUES: dict[str, tuple[_Take, _Write]] = {
    "hyperliquid": (_take_hyperliquid, _write_hyperliquid),
    "kraken_v1": (_take_kraken_v1, _write_kraken_v1),
    "kraken": (_take_kraken, _write_kraken),
    "okx": (_take_okx, _write_okx),
}
