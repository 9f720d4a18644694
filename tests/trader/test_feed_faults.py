"""The feed session when things go wrong: silence, losses, bad frames, floods, books that disprove themselves."""

import random

import pytest

from tests.trader.market_frames import snapshot, ticker, trade
from tests.trader.one_feed import ASKS, BIDS, MS, OneFeed, kinds, live_feed, update
from trader.book.state import ClearCause
from trader.enums import BookState
from trader.feed import FeedConfig
from trader.feed.state import PENDING_UPDATES


def test_silence_makes_the_book_stale_and_the_next_update_brings_it_back():
    feed = live_feed(silence_ms_max=1_000)
    assert feed.timer(900) == []
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=121))
    actions = feed.timer(200)

    assert [action.cause for action in actions] == [ClearCause.SILENCE] * 2
    assert feed.book_state() == BookState.SYNCING
    assert feed.timer(5_000) == []
    feed.frame(update(130))
    feed.timer(1_000)
    feed.reply(snapshot(BIDS, ASKS, last=125))
    assert feed.book_state() == BookState.LIVE


def test_a_connection_without_frames_is_replaced():
    feed = live_feed(reconnect_silence_ms_max=10_000)
    actions = feed.timer(10_100)
    assert kinds(actions) == ["CLEAR", "CONNECT"]
    assert feed.book_state() == BookState.STALE
    assert feed.row["connected"] == 0


def test_a_loss_is_stale_and_connects_later_each_time():
    feed = live_feed()
    delays = []
    for _ in range(8):
        actions = feed.lost()
        assert actions[-1].kind.name == "CONNECT"
        delays.append(actions[-1].delay_ns)
    assert feed.book_state() == BookState.STALE
    assert delays[0] == 0
    assert delays[-1] > delays[1] > 0
    feed.connected()
    feed.frame(update(210))
    feed.timer(1_000)
    feed.reply(snapshot(BIDS, ASKS, last=205))
    assert feed.book_state() == BookState.LIVE


def test_three_bad_frames_within_the_window_resynchronise():
    feed = live_feed(silence_ms_max=60_000)
    bad = b'{"stream":"x","data":{"e":"trade","s":"BTCUSDT","t":1e3}}'
    feed.frame(bad)
    feed.timer(10_001)
    feed.frame(update(130))
    assert feed.frame(bad) == feed.frame(bad) == []
    assert feed.book_state() == BookState.LIVE
    actions = feed.frame(bad)
    assert [action.cause for action in actions] == [ClearCause.BAD_FRAMES] * 2
    assert feed.row["bad_frames"] == 4
    assert feed.row["last_fault_offset"] == bad.index(b"e3")


def test_a_full_buffer_begins_anew_and_still_joins():
    feed = OneFeed()
    for i in range(PENDING_UPDATES + 20):
        feed.frame(update(110 + 10 * i))
    last = 110 + 10 * (PENDING_UPDATES + 19)
    assert feed.symbol()["overflows"] == 1
    feed.reply(snapshot(BIDS, ASKS, last=last - 5))
    assert feed.book_state() == BookState.LIVE
    assert kinds(feed.frame(update(last + 10))) == ["DELTA"]


def test_a_book_that_disproves_itself_gets_a_new_snapshot():
    feed = live_feed()
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=119))
    feed.frame(update(130, bids=[("100.0", "4.0")]))
    feed.frame(ticker("100.0", "4.0", "100.1", "1.5", update_id=131))
    assert (feed.resyncs, feed.book_state()) == ([0], BookState.STALE)
    assert kinds(feed.resync())[:2] == ["CLEAR", "CLEAR"]
    feed.frame(update(140))
    feed.timer(1_000)
    feed.reply(snapshot(BIDS, ASKS, last=135))
    assert feed.book_state() == BookState.LIVE


def test_a_crossed_book_is_stale():
    feed = live_feed()
    feed.frame(update(130, bids=[("100.1", "1.0")]))
    assert (feed.resyncs, feed.book_state()) == ([0], BookState.STALE)
    assert feed.books[0][0]["failures"][ClearCause.CROSSED] == 1


def test_quotes_decide_a_check_in_either_order_without_false_alarms():
    feed = live_feed()
    good = ("100.0", "3.0", "100.1", "1.5")
    feed.frame(update(130, bids=[("100.0", "3.0")]))
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=119))
    feed.frame(ticker("100.0", "2.0", "100.1", "1.5", update_id=127))
    feed.frame(ticker(*good, update_id=130))
    feed.frame(ticker("100.0", "4.0", "100.1", "1.5", update_id=134))
    check = feed.books[0][0]["check"]
    assert (check["checked"], check["mismatched"]) == (2, 0)
    feed.frame(ticker("100.0", "5.0", "100.1", "1.5", update_id=144))
    feed.frame(update(140, bids=[("100.0", "4.0")]))
    assert (check["checked"], check["mismatched"]) == (3, 0)
    feed.frame(ticker("100.0", "5.0", "100.1", "1.5", update_id=143))
    assert (check["unordered"], feed.symbol()["quotes_older"]) == (0, 1), "the session leaves it out"


def test_a_best_quote_whose_id_jumped_ahead_does_not_decide_every_check_after_it():
    feed = live_feed()
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=119))
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=9_121))
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=122))
    assert feed.book_state() == BookState.LIVE
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=123))
    assert feed.book_state() == BookState.SYNCING
    feed.frame(update(130))
    feed.timer(1_000)
    feed.reply(snapshot(BIDS, ASKS, last=125))
    feed.frame(ticker("100.0", "1.0", "100.1", "1.5", update_id=128))
    feed.frame(ticker("100.0", "2.0", "100.1", "1.5", update_id=131))
    check = feed.books[0][0]["check"]
    assert (check["checked"], check["mismatched"], feed.book_state()) == (2, 0, BookState.LIVE)


def test_several_symbols_sync_one_request_at_a_time():
    feed = OneFeed("BTCUSDT", "ETHUSDT")
    first = feed.frame(update(110))
    assert [(action.kind.name, action.symbol) for action in first] == [("REQUEST", 0)]
    assert feed.frame(update(510, symbol="ETHUSDT")) == []
    actions = feed.reply(snapshot(BIDS, ASKS, last=105))
    assert [(action.kind.name, action.symbol) for action in actions] == [("DELTA", 0), ("DELTA", 0), ("REQUEST", 1)]
    feed.reply(snapshot([("5.0", "1.0")], [("6.0", "1.0")], last=505))
    assert feed.book_state(0) == feed.book_state(1) == BookState.LIVE
    feed.frame(update(999, symbol="ETHUSDT"))
    assert (feed.book_state(0), feed.book_state(1)) == (BookState.LIVE, BookState.SYNCING)


def test_trades_and_quotes_pass_whatever_the_book_does():
    feed = OneFeed()
    (quote,) = feed.frame(ticker("100.0", "3.0", "100.1", "1.5", update_id=9, event_ms=77))
    (sold,) = feed.frame(trade("100.0", "0.5", maker=True, event_ms=78))
    assert (quote.kind.name, quote.event_ns) == ("QUOTE", 77 * MS)
    assert (sold.kind.name, sold.event_ns) == ("TRADE", 78 * MS)


def test_after_any_faults_the_book_is_right_or_not_live():
    dice = random.Random(11)
    for _ in range(60):
        feed = OneFeed(silence_ms_max=60_000)
        truth = {"bids": {}, "asks": {}}
        last = 100
        for _ in range(80):
            changes = {"bids": [], "asks": []}
            for side, low, high in (("bids", 900, 1000), ("asks", 1001, 1100)):
                for _ in range(dice.randrange(4)):
                    ticks, lots = dice.randrange(low, high), dice.choice((0, 1, 5, 9))
                    truth[side][ticks] = lots
                    changes[side].append((f"{ticks / 10:.1f}", f"{lots / 1000:.3f}"))
            last += 10
            frame = update(last, **changes)
            for sent in dice.choice(([frame], [frame], [frame], [frame, frame], [])):
                wanted = [action for action in feed.frame(sent) if action.kind.name == "REQUEST"]
                wanted += [action for action in feed.timer(dice.choice((1, 400))) if action.kind.name == "REQUEST"]
                if wanted:
                    whole = {
                        side: [(f"{ticks / 10:.1f}", f"{lots / 1000:.3f}") for ticks, lots in levels.items() if lots]
                        for side, levels in truth.items()
                    }
                    feed.reply(snapshot(whole["bids"], whole["asks"], last=last))
            book = feed.books[0][0]
            if feed.book_state() == BookState.LIVE and book["last_id"] == last:
                for side, pick in (("bids", max), ("asks", min)):
                    prices = [ticks for ticks, lots in truth[side].items() if lots]
                    assert book["bid_ticks" if side == "bids" else "ask_ticks"] == (pick(prices) if prices else 0)
                    assert book[side]["count"] == len(prices)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"silence_ms_max": 1}, "feed.silence_ms_max: found 1, allowed 100"),
        ({"snapshot_levels": 7}, "feed.snapshot_levels: found 7"),
        ({"depth_speed": "1ms"}, "feed.depth_speed: found '1ms'"),
        ({"backoff_ms_min": 500, "backoff_ms_max": 100}, "feed.backoff_ms_min: found 500"),
        ({"bad_frames_max": 0}, "feed.bad_frames_max: found 0"),
        ({"stream_prefix": "stream"}, "feed.stream_prefix: found 'stream'"),
    ],
)
def test_settings_out_of_range_are_named(settings, named):
    (problem,) = FeedConfig(**settings).problems()
    assert problem.startswith(named)
    assert FeedConfig().problems() == []
