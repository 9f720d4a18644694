"""The feed asks its venue no more often than the market data's bucket allows, and not while it is told to wait."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from shm.kernel import kernel, new_record
from tests.trader.market_frames import snapshot
from tests.trader.one_feed import ASKS, BIDS, MS, OneFeed, kinds, live_feed, update
from trader.enums import BookState
from trader.pacing import PACER, Endpoint, PacingConfig, await_token, fill_pacer

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
SECOND_NS = 1_000_000_000


def slow(feed: OneFeed, per_s: float, burst: int) -> None:
    """From now on only so many requests a second."""
    feed.row["pacer"] = 0
    fill_pacer(feed.row["pacer"], PacingConfig(market_data_per_s=per_s, market_data_burst=burst))


@kernel
def wait_for_token(pacer, endpoint, now_ns):
    """await_token, from Python."""
    return await_token(pacer, endpoint, now_ns)


def test_snapshots_beyond_the_rate_wait_for_their_token() -> None:
    feed = OneFeed(*SYMBOLS)
    slow(feed, per_s=1, burst=1)
    asked = []
    for symbol in SYMBOLS:
        for action in feed.frame(update(110, symbol=symbol)):
            asked += [action.symbol] if action.kind.name == "REQUEST" else []
    feed.reply(snapshot(BIDS, ASKS, last=115))
    assert (asked, feed.row["pacer"]["buckets"]["passed"][Endpoint.MARKET_DATA]) == ([0], 1)
    assert kinds(feed.timer(500)) == []
    assert feed.row["pacer"]["buckets"]["refused"][Endpoint.MARKET_DATA] > 0
    (request,) = feed.timer(600)

    assert (request.kind.name, request.symbol) == ("REQUEST", 1)


def test_a_venue_that_drops_every_connection_is_called_at_the_buckets_pace() -> None:
    feed = live_feed(backoff_ms_min=1, backoff_ms_max=1)
    slow(feed, per_s=2, burst=3)
    calls = []
    for _ in range(8):
        calls.append(feed.now_ns + feed.lost()[-1].delay_ns)
    gaps = [later - earlier for earlier, later in itertools.pairwise(calls[3:])]

    assert max(calls[:3]) - feed.now_ns <= MS
    assert gaps == [SECOND_NS // 2] * len(gaps) and len(gaps) == 4


def test_nothing_is_asked_for_before_the_time_that_the_venue_names() -> None:
    feed = live_feed(silence_ms_max=600_000)
    feed.resync()
    feed.frame(update(130))
    while "REQUEST" not in kinds(feed.timer(50)):
        continue
    feed.reply(b'{"code":-1003}', status=429 + 3 * 1_000)
    for _ in range(29):
        assert "REQUEST" not in kinds(feed.timer(100))
    assert feed.lost()[-1].delay_ns > 0
    feed.connected()
    feed.frame(update(140))
    asked = [kind for _ in range(4) for kind in kinds(feed.timer(100))]
    assert asked.count("REQUEST") == 1
    feed.reply(snapshot(BIDS, ASKS, last=135))

    assert feed.book_state() == BookState.LIVE


def test_a_reply_that_was_too_large_to_be_handed_over_stops_nothing_for_long() -> None:
    feed = live_feed(silence_ms_max=600_000)
    feed.resync()
    feed.frame(update(130))
    feed.reply(b"", status=-1 & 0xFFFFFFFF)

    assert feed.row["pacer"]["held_until_ns"] == 0
    assert "REQUEST" in kinds(feed.timer(1_000))


@given(st.lists(st.integers(0, 2 * SECOND_NS), min_size=1, max_size=60), st.integers(1, 10), st.integers(1, 50))
def test_tokens_that_are_waited_for_keep_rate_and_burst_whenever_they_are_taken(
    gaps: list[int], burst: int, per_s: int
) -> None:
    pacer = new_record(PACER)
    fill_pacer(pacer[0], PacingConfig(market_data_per_s=per_s, market_data_burst=burst))
    interval, now, used = -(-SECOND_NS // per_s), 1, []
    for gap in gaps:
        now += gap
        used.append(now + wait_for_token(pacer[0], Endpoint.MARKET_DATA, now))

    assert used == sorted(used)
    for first, since in enumerate(used):
        assert all(place - first < burst + (at - since) / interval for place, at in enumerate(used) if place >= first)
