"""The feed session: the documented sync, gaps, duplicates, reorder, refusals, jitter."""

import pytest

from tests.trader.market_frames import snapshot
from tests.trader.one_feed import ASKS, BIDS, MS, OneFeed, kinds, live_feed, update
from trader.book.state import ClearCause
from trader.enums import BookState
from trader.feed.state import IdRule, Phase


def test_the_documented_sync_buffers_asks_joins_and_goes_live():
    feed = OneFeed()
    assert feed.book_state() == BookState.SYNCING
    assert kinds(feed.frame(update(110, bids=[("100.0", "9.0")]))) == ["REQUEST"]
    assert feed.frame(update(120, bids=[("99.8", "7.0")])) == []
    assert feed.frame(update(130)) == []
    actions = feed.reply(snapshot(BIDS, ASKS, last=115))

    assert kinds(actions) == ["DELTA", "DELTA", "DELTA"]
    assert [(action.delta_kind, action.previous_id, action.last_id) for action in actions] == [
        (1, 0, 115), (0, 115, 120), (0, 120, 130),
    ]  # fmt: skip
    assert feed.book_state() == BookState.LIVE
    assert feed.books[0][0]["bids"]["count"] == 3
    assert feed.books[0][0]["bid_ticks"] == 1000
    assert kinds(feed.frame(update(140))) == ["DELTA"]
    assert feed.row["resyncs"] == feed.row["gaps"] == 0


def test_a_snapshot_newer_than_every_update_waits_for_the_one_that_spans_it():
    feed = OneFeed()
    feed.frame(update(110))
    feed.reply(snapshot(BIDS, ASKS, last=125))
    assert (feed.phase(), feed.book_state()) == (Phase.JOINING, BookState.SYNCING)
    assert feed.frame(update(120)) == []
    assert feed.symbol()["duplicates"] == 1
    feed.frame(update(130))
    assert feed.book_state() == BookState.LIVE


def test_a_snapshot_older_than_the_first_update_is_refused_and_asked_for_again():
    feed = OneFeed()
    feed.frame(update(110))
    assert feed.reply(snapshot(BIDS, ASKS, last=90)) == []
    assert feed.phase() == Phase.SNAPSHOT
    assert feed.symbol()["snapshots_refused"] == 1
    assert kinds(feed.timer(1_000)) == ["REQUEST"]
    feed.reply(snapshot(BIDS, ASKS, last=105))
    assert feed.book_state() == BookState.LIVE


def test_a_snapshot_in_the_stream_serves_as_well_and_a_later_reply_is_ignored():
    feed = OneFeed()
    feed.frame(update(110))
    assert "DELTA" in kinds(feed.frame(snapshot(BIDS, ASKS, last=105)))
    assert feed.book_state() == BookState.LIVE
    assert feed.reply(snapshot([], [], last=110)) == []
    assert feed.book_state() == BookState.LIVE


@pytest.mark.parametrize("missing", [1, 2, 5])
def test_a_gap_is_stale_at_once_and_live_again_after_a_snapshot(missing):
    feed = live_feed()
    actions = feed.frame(update(130 + 10 * missing))

    assert kinds(actions) == ["CLEAR", "CLEAR", "REQUEST"] or kinds(actions) == ["CLEAR", "CLEAR"]
    assert [(action.state, action.cause) for action in actions[:2]] == [
        (BookState.STALE, ClearCause.GAP), (BookState.SYNCING, ClearCause.GAP),
    ]  # fmt: skip
    assert feed.book_state() == BookState.SYNCING
    feed.timer(2_000)
    feed.reply(snapshot(BIDS, ASKS, last=125 + 10 * missing))
    assert feed.book_state() == BookState.LIVE
    assert (feed.row["gaps"], feed.row["resyncs"]) == (1, 1)


def test_duplicates_change_nothing():
    feed = live_feed()
    for frame in (update(120), update(110), update(120)):
        assert feed.frame(frame) == []
    assert feed.symbol()["duplicates"] == 3
    assert feed.book_state() == BookState.LIVE
    assert kinds(feed.frame(update(130))) == ["DELTA"]


def test_an_id_that_jumped_ahead_does_not_make_what_follows_look_old():
    for rule in (IdRule.PREVIOUS, IdRule.SUCCESSOR):
        feed = OneFeed(rule=rule)
        feed.frame(update(110))
        feed.reply(snapshot(BIDS, ASKS, last=115))
        feed.frame(update(120))
        assert kinds(feed.frame(update(9_130, first=121, previous=120))) == ["DELTA"]
        assert feed.book_state() == BookState.LIVE
        feed.frame(update(140))
        assert feed.book_state() == BookState.SYNCING
        assert feed.row["gaps"] == 1


def test_a_snapshot_that_nothing_joins_is_given_up_after_some_seconds():
    feed = OneFeed()
    feed.frame(update(110))
    feed.reply(snapshot(BIDS, ASKS, last=9_115))
    feed.frame(update(120))
    assert feed.phase() == Phase.JOINING
    feed.timer(4_900)
    feed.frame(update(130))
    assert feed.phase() == Phase.JOINING
    feed.timer(200)
    feed.frame(update(140))
    assert feed.phase() == Phase.SNAPSHOT


def test_two_updates_in_the_wrong_order_are_a_gap():
    feed = live_feed()
    feed.frame(update(140))
    assert feed.book_state() == BookState.SYNCING
    feed.frame(update(130))
    assert feed.phase() == Phase.SNAPSHOT


def test_the_spot_rule_counts_ids_without_holes():
    feed = OneFeed(rule=IdRule.SUCCESSOR)
    feed.frame(update(110, previous=None))
    feed.frame(update(120))
    feed.reply(snapshot(BIDS, ASKS, last=115))
    assert feed.book_state() == BookState.LIVE
    assert kinds(feed.frame(update(130))) == ["DELTA"]
    assert kinds(feed.frame(update(145, first=126))) == ["DELTA"]
    assert feed.frame(update(130)) == []
    feed.frame(update(160, first=147))
    assert feed.book_state() == BookState.SYNCING
    assert feed.row["gaps"] == 1


def test_replies_that_are_no_snapshot_are_retried_later_each_time():
    feed = OneFeed()
    feed.frame(update(110))
    waits = []
    for reply, status in ((b"", 0), (b'{"code":-1003,"msg":"Too many requests."}', 429), (b"<html>", 200)) * 3:
        assert feed.reply(reply, status) == []
        began_ns = feed.now_ns
        while not kinds(feed.timer(10)):
            assert feed.now_ns - began_ns < 20_000 * MS
        waits.append((feed.now_ns - began_ns) // MS)
    assert waits[0] <= 250
    assert 2_500 <= waits[-1] <= 10_020
    assert sorted(waits)[-1] <= 10_020
    assert len(set(waits)) > 4


def test_jitter_follows_the_seed():
    def waits(seed):
        feed = OneFeed(seed=seed)
        feed.frame(update(110))
        found = []
        for _ in range(6):
            feed.reply(b"", 503)
            found.append(feed.symbol()["retry_ns"].item() - feed.now_ns)
            feed.timer(20_000)
        return found

    assert waits(5) == waits(5)
    assert waits(5) != waits(6)
