"""One feed session with a book behind it: texts and times in, actions out as plain records."""

from types import SimpleNamespace

import numpy as np

from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from tests.trader.market_frames import depth, instruments, snapshot
from trader.book.state import BOOK, RESYNC, on_clear, on_delta, on_quote, prepare_book
from trader.enums import BookState
from trader.feed import FEED, FeedConfig, prepare_feed, session
from trader.feed.outcome import fill_delta, fill_quote
from trader.feed.state import Action, IdRule, Phase
from trader.messages import BestQuote, BookDelta
from trader.venues.binance.requests import session_plan
from trader.venues.binance.session import on_text

MS = 1_000_000


class OneFeed:
    """A session that is connected at time 0. `now_ns` advances by 1 ms with each call unless told otherwise."""

    def __init__(self, *symbols, rule=IdRule.PREVIOUS, connected=True, **settings):
        self.state = new_record(FEED)
        self.symbols = symbols or ("BTCUSDT",)
        config = FeedConfig(**settings)
        plan = session_plan(config, list(self.symbols), market="usdm" if rule is IdRule.PREVIOUS else "spot")
        prepare_feed(self.state[0], config, instruments(*self.symbols), plan)
        self.books = [new_record(BOOK) for _ in self.symbols]
        for book in self.books:
            prepare_book(book[0])
        self.delta, self.quote = new_record(record_dtype(BookDelta)), new_record(record_dtype(BestQuote))
        self.now_ns = 0
        self.resyncs = []
        if connected:
            session.on_run(self.row, 0)
            self.connected()

    @property
    def row(self):
        return self.state[0]

    def symbol(self, index=0):
        return self.row["symbols"][index]

    def phase(self, index=0):
        return Phase(int(self.symbol(index)["phase"]))

    def book_state(self, index=0):
        return BookState(int(self.books[index][0]["state"]))

    def connected(self):
        return self._after(session.on_connected, self.now_ns)

    def lost(self):
        return self._after(session.on_lost, self.now_ns)

    def frame(self, text):
        return self._text(session.STREAM, 0, text)

    def reply(self, text, status=200):
        return self._text(session.REST, status, text)

    def timer(self, later_ms=0):
        self.now_ns += later_ms * MS
        return self._after(session.on_timer, self.now_ns)

    def resync(self, symbol=0):
        return self._after(session.on_resync, symbol, self.now_ns)

    def _text(self, connection, status, text):
        self.now_ns += MS
        raw = np.frombuffer(text or b" ", np.uint8)
        return self._after(on_text, connection, status, address_of_array(raw), len(text), self.now_ns)

    def _after(self, kernel, *arguments):
        """Run a session kernel, apply its actions to the books, return them."""
        kernel(self.row, *arguments)
        taken = []
        for action in self.row["actions"][: self.row["action_count"]]:
            taken.append(SimpleNamespace(**{name: action[name].item() for name in action.dtype.names}))
            taken[-1].kind = Action(taken[-1].kind)
            self._apply(action)
        return taken

    def _apply(self, action):
        book = self.books[action["symbol"]][0]
        flags = 0
        if action["kind"] == Action.DELTA:
            fill_delta(self.row, action, self.delta[0])
            flags = on_delta(book, self.delta[0])
        elif action["kind"] == Action.QUOTE:
            fill_quote(self.row, action, self.quote[0])
            flags = on_quote(book, self.quote[0])
        elif action["kind"] == Action.CLEAR:
            flags = on_clear(book, action["state"], action["cause"])
        if flags & RESYNC:
            self.resyncs.append(int(action["symbol"]))


def kinds(actions):
    """The names of actions."""
    return [action.kind.name for action in actions]


BIDS, ASKS = [("100.0", "1.0"), ("99.9", "2.0")], [("100.1", "1.5"), ("100.2", "2.5")]


def update(last, *, first=None, previous=None, bids=(), asks=(), symbol="BTCUSDT"):
    """The depth update that ends at `last`, ten ids long, after the one that ended at `last` - 10."""
    return depth(
        bids, asks, first=last - 9 if first is None else first, last=last,
        previous=last - 10 if previous is None else previous, symbol=symbol,
    )  # fmt: skip


def live_feed(**settings):
    """A feed whose book is LIVE after the update 120."""
    feed = OneFeed(**settings)
    feed.frame(update(110))
    feed.reply(snapshot(BIDS, ASKS, last=115))
    feed.frame(update(120))
    assert (feed.phase(), feed.book_state()) == (Phase.LIVE, BookState.LIVE)
    return feed
