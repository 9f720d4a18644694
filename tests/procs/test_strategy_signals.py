"""A strategy file that quotes around the fair price of trader.signals: its kernels work behind the strategy's door."""

from pathlib import Path

import numpy as np

from procs.rehearsal import ask_quote
from procs.strategy_file import BELIEF, BOOK, load_strategy
from shm.kernel import address_of_array, new_record
from trader.enums import BookState
from trader.strategy import POSITION, QUOTES

FILE = """
import numpy as np
from trader.signals import SignalsConfig
from trader.signals.forecasts import MARKET_SIGNALS, configure_signals, forecast, on_book
from trader.strategy import quote_entry

STATE = np.dtype([("is_set", "i8"), ("half_ticks", "f8"), ("seen", MARKET_SIGNALS)], align=True)
CONFIG = {"half_ticks": 3.0}
FIRST = np.zeros(1, MARKET_SIGNALS)
configure_signals(FIRST[0], SignalsConfig(pressure=0.7, flow=0.0))


@quote_entry
def quote(state, book, belief, position, out):
    if state.is_set == 0:
        state.is_set = 1
        state.seen = FIRST[0]
    seen = state.seen
    on_book(seen, book.event_ns, book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots)
    forecast(seen)
    fair = 0.5 * (book.bid_ticks[0] + book.ask_ticks[0]) * (1.0 + 1e-4 * seen.shift_bps)
    half = state.half_ticks * (2.0 - seen.aggressiveness)
    out.bid_ticks[0] = int(np.floor(fair - half))
    out.ask_ticks[0] = int(np.ceil(fair + half))
    out.bid_lots[0] = out.ask_lots[0] = 1
    out.bid_count = out.ask_count = 1
"""
MS = 1_000_000


def test_quotes_follow_the_fair_price_of_the_signals(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    loaded = load_strategy(path)
    state = loaded.new_states(1, {})
    book, belief, position, out = (new_record(dtype) for dtype in (BOOK, BELIEF, POSITION, QUOTES))
    rng, bid = np.random.default_rng(1), 600_000

    def middle(bid_lots: int, ask_lots: int) -> float:
        """Where the quotes' middle stands above the mid, in ticks, on the next book."""
        book["event_ns"] += 50 * MS
        book["bid_ticks"], book["ask_ticks"] = bid - np.arange(10), bid + 1 + np.arange(10)
        book["bid_lots"], book["ask_lots"] = bid_lots, ask_lots
        ask_quote(loaded.entry_address, *map(address_of_array, (state, book, belief, position, out)))
        return float(out["bid_ticks"][0, 0] + out["ask_ticks"][0, 0]) / 2 - bid - 0.5

    book["state"], book["event_ns"] = BookState.LIVE, 10**15
    for _ in range(400):
        bid += int(rng.integers(-8, 9))
        middle(50, 50)

    assert middle(50, 50) == 0
    assert middle(95, 5) > 3 > -3 > middle(5, 95)
