"""The book stage: tops, market events and resync requests; gating on LIVE; several symbols."""

from tests.procs.market_stage import MarketStage
from trader.book import ClearCause
from trader.enums import BookState, MarketEventKind, Side
from trader.messages import LEVELS, BestQuote, BookClear, BookDelta, BookResync, MarketEvent, Trade

BIDS, ASKS = [(1000, 5), (999, 6)], [(1001, 7), (1003, 8)]


def live_stage(symbol=0, *symbols):
    stage = MarketStage("book", *(symbols or ("BTCUSDT",)))
    stage.give(BookClear(symbol, 0, 0, BookState.SYNCING, ClearCause.START), 0)
    stage.delta(BIDS, ASKS, last=10, previous=0, snapshot=True, symbol=symbol)
    stage.delta([(998, 1)], [], last=20, previous=10, symbol=symbol)
    return stage


def last_top(stage):
    return stage.taken("book_top")[-1]


def padded(*values):
    return (*values, *(0,) * (LEVELS - len(values)))


def test_the_top_is_published_with_its_state_and_an_epoch_that_grows():
    stage = MarketStage("book", "BTCUSDT")
    stage.give(BookClear(0, 0, 0, BookState.SYNCING, ClearCause.START), 0)
    syncing = last_top(stage)
    stage.delta(BIDS, ASKS, last=10, previous=0, snapshot=True)
    filled = last_top(stage)
    stage.delta([(998, 1)], [], last=20, previous=10)
    live = last_top(stage)

    assert [top.state for top in (syncing, filled, live)] == [BookState.SYNCING, BookState.SYNCING, BookState.LIVE]
    assert [top.epoch for top in (syncing, filled, live)] == [1, 2, 3]
    assert live.bid_ticks == padded(1000, 999, 998)
    assert live.bid_lots == padded(5, 6, 1)
    assert live.ask_ticks == padded(1001, 1003)
    assert live.ask_lots == padded(7, 8)


def test_changes_below_the_tenth_level_publish_nothing():
    stage = live_stage()
    stage.delta([(1000 - i, 9) for i in range(20)], [], last=30, previous=20)
    epoch = last_top(stage).epoch
    stage.taken("book_market")
    stage.delta([(985, 3), (10, 4)], [], last=40, previous=30)
    stage.delta([], [], last=50, previous=40)
    assert stage.taken("book_top") == stage.taken("book_market") == []
    stage.delta([(991, 3)], [], last=60, previous=50)
    assert last_top(stage).epoch == epoch + 1


def test_a_moved_touch_and_a_trade_are_market_events():
    stage = live_stage()
    stage.taken("book_market")
    stage.delta([(1000, 9)], [], last=30, previous=20)
    assert stage.taken("book_market") == []
    stage.delta([(1000, 0)], [], last=40, previous=30)
    stage.give(Trade(0, 0, 77, 1, Side.SELL, 999, 2), 0)
    assert stage.taken("book_market") == [
        MarketEvent(0, 0, 5, MarketEventKind.MID, BookState.LIVE, 999, 1001, 0, 0, 0),
        MarketEvent(0, 0, 77, MarketEventKind.TRADE, BookState.LIVE, 999, 1001, Side.SELL, 999, 2),
    ]


def test_a_crossed_book_a_gap_and_a_differing_quote_are_stale_and_ask_for_a_resync():
    for cause, breaks in (
        (ClearCause.CROSSED, lambda stage: stage.delta([(1001, 1)], [], last=30, previous=20)),
        (ClearCause.GAP, lambda stage: stage.delta([(1000, 1)], [], last=40, previous=30)),
        (ClearCause.MISMATCH, lambda stage: [stage.give(BestQuote(0, 0, 0, i, 1000, i, 1001, 7), 0) for i in (15, 21)]),
    ):
        stage = live_stage()
        stage.taken("book_market")
        breaks(stage)
        top = last_top(stage)
        assert top.state == BookState.STALE
        assert stage.taken("book_feed") == [BookResync(0, 0, 5, top.epoch, cause)]
        assert stage.taken("book_market")[-1].state == BookState.STALE
        stage.delta([(1000, 2)], [], last=50, previous=40)
        stage.delta(BIDS, ASKS, last=60, previous=0, snapshot=True)
        assert stage.taken("book_top") == []
        stage.give(BookClear(0, 0, 0, BookState.SYNCING, ClearCause.REQUESTED), 0)
        stage.delta(BIDS, ASKS, last=60, previous=0, snapshot=True)
        stage.delta([], [], last=70, previous=60)
        assert last_top(stage).state == BookState.LIVE


def test_books_of_several_symbols_do_not_touch_each_other():
    stage = live_stage(1, "BTCUSDT", "ETHUSDT")
    tops = {top.symbol_id: top for top in stage.taken("book_top")}
    assert tops[1].state == BookState.LIVE
    assert stage.row["books"][0]["state"] == BookState.INIT
    assert stage.give(BestQuote(7, 0, 0, 1, 1, 1, 2, 1), 0) == 0
    assert stage.row["foreign"] == 1


def test_a_delta_whose_counts_and_bytes_disagree_is_a_bad_frame():
    stage = live_stage()
    assert stage.delta([(1, 1)], [], last=30, previous=20) == 0
    bad = stage.module.BAD_FRAME
    assert stage.give_bytes(BookDelta(0, 0, 0, 0, 30, 40, 30, 1_000_000, 0, b""), b"\0" * 16, 0) == bad
    assert stage.give_bytes(BookDelta(0, 0, 0, 0, 30, 40, 30, -1, 2, b""), b"\0" * 16, 0) == bad


def test_a_newer_best_quote_leads_the_top_until_an_update_has_caught_up():
    stage = live_stage()
    epoch = last_top(stage).epoch
    stage.taken("book_market")
    stage.give(BestQuote(0, 0, 6, 25, 999, 4, 1002, 3), 0)
    led = last_top(stage)
    assert (led.bid_ticks, led.bid_lots) == (padded(999, 998), padded(4, 1))
    assert (led.ask_ticks, led.ask_lots) == (padded(1002, 1003), padded(3, 8))
    assert (led.epoch, led.event_ns) == (epoch + 1, 6)
    assert [(event.bid_ticks, event.ask_ticks) for event in stage.taken("book_market")] == [(999, 1002)]

    stage.give(BestQuote(0, 0, 7, 26, 999, 5, 1002, 3), 0)
    assert last_top(stage).bid_lots == padded(5, 1)
    stage.delta([(997, 2)], [], last=24, previous=20)  # still behind the quote
    assert last_top(stage).bid_ticks == padded(999, 998, 997)
    stage.delta([(1000, 0), (999, 5)], [(1001, 0), (1002, 3)], last=30, previous=24)
    assert stage.taken("book_top") == []  # the ladder says now what the quote has said
    stage.delta([(999, 9)], [], last=40, previous=30)
    assert last_top(stage).bid_lots == padded(9, 1, 2)


def test_an_old_a_crossed_and_an_empty_best_quote_change_nothing():
    stage = live_stage()
    stage.taken("book_top")
    for update_id, bid, bid_lots, ask in ((20, 1000, 5, 1001), (30, 1001, 4, 1001), (31, 1000, 0, 1001)):
        stage.give(BestQuote(0, 0, 6, update_id, bid, bid_lots, ask, 7), 0)
    assert stage.taken("book_top") == []


def test_a_quote_leads_no_book_that_is_not_live():
    stage = live_stage()
    stage.delta([], [], last=60, previous=50)  # a gap
    stage.taken("book_top")
    stage.give(BestQuote(0, 0, 6, 70, 999, 4, 1002, 3), 0)
    assert stage.taken("book_top") == []
