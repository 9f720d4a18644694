"""The desk: one order per line, the tolerance, when quotes may rest, limits, the quoted share."""

import pytest

from tests.trader.one_desk import ASK, ASKS, BID, BIDS, Desk, make_top
from trader.enums import BookState, OrderState, ReportKind, Side, TimeInForce
from trader.strategy.desk import CANCEL, KEEP, PLACE, accrue, end_step, takes
from trader.strategy.lines import IDLE, TAKER, TAKER_LEVEL, ask_cancel


def test_wanted_quote_is_placed_as_a_post_only_intent() -> None:
    desk = Desk()
    found = desk.want([(BID - 10, 2)], [(ASK + 10, 2)])
    order = desk.place(ASKS, acknowledged=False)
    intent = desk.intent[0]

    assert found == {(BIDS, 0): PLACE, (ASKS, 0): PLACE}
    assert (intent["side"], intent["price_ticks"], intent["size_lots"]) == (Side.SELL, ASK + 10, 2)
    assert intent["time_in_force"] == TimeInForce.POST_ONLY
    assert order == 3 << 44 | 1 << 40 | 1 << 12 | int(intent["order_slot"])


def test_line_keeps_its_order_within_the_tolerance_and_replaces_it_beyond() -> None:
    desk = Desk()
    desk.want([(BID - 10, 2)], [])
    desk.place(BIDS)

    assert desk.want([(BID - 15, 2)], [])[BIDS, 0] == KEEP
    assert desk.want([(BID - 5, 2)], [])[BIDS, 0] == KEEP
    assert desk.want([(BID - 16, 2)], [])[BIDS, 0] == CANCEL
    assert desk.want([(BID - 4, 2)], [])[BIDS, 0] == CANCEL
    assert desk.want([(BID - 10, 1)], [])[BIDS, 0] == CANCEL
    assert desk.want([], [])[BIDS, 0] == CANCEL


def test_line_places_again_only_when_the_old_order_has_ended() -> None:
    desk = Desk()
    desk.want([(BID - 10, 2)], [])
    order = desk.place(BIDS)
    desk.want([(BID - 30, 2)], [])
    ask_cancel(desk.row, desk.line(BIDS), 1)
    waiting = desk.want([(BID - 30, 2)], [], now_ns=2)
    ended = desk.report(order, ReportKind.CANCELED, OrderState.CANCELED)

    assert waiting[BIDS, 0] == KEEP
    assert ended == 1
    assert desk.line(BIDS)["state"] == IDLE
    assert desk.want([(BID - 30, 2)], [], now_ns=3)[BIDS, 0] == PLACE
    assert desk.row["requotes"] == desk.row["cancels"] == 1


def test_order_that_is_not_acknowledged_is_not_replaced_but_pulled() -> None:
    desk = Desk()
    desk.want([(BID - 10, 2)], [])
    desk.place(BIDS, acknowledged=False)

    assert desk.want([(BID - 99, 2)], [])[BIDS, 0] == KEEP
    assert desk.want([], [])[BIDS, 0] == CANCEL


def test_cancel_that_nothing_answers_is_asked_for_again() -> None:
    desk = Desk()
    desk.want([(BID - 10, 2)], [])
    desk.place(BIDS)
    ask_cancel(desk.row, desk.line(BIDS), 1)

    assert desk.want([], [], now_ns=1_000)[BIDS, 0] == KEEP
    assert desk.want([], [], now_ns=1_001)[BIDS, 0] == CANCEL


@pytest.mark.parametrize("why", ["state", "stopped", "unreconciled", "one-sided", "old"])
def test_quotes_are_pulled_when_they_may_not_rest(why: str) -> None:
    desk = Desk()
    desk.want([(BID - 10, 2)], [(ASK + 10, 2)])
    desk.place(BIDS)
    now_ns = 1
    if why == "state":
        desk.top["state"] = BookState.STALE
    elif why == "stopped":
        desk.row["running"] = 0
    elif why == "unreconciled":
        desk.symbol["reconciled"] = 0
    elif why == "one-sided":
        desk.top["ask_lots"] = 0
    else:
        now_ns = 10_002

    assert desk.want([(BID - 10, 2)], [(ASK + 10, 2)], now_ns) == {(BIDS, 0): CANCEL, (ASKS, 0): KEEP}


def test_prices_that_would_cross_are_held_back_at_the_touch() -> None:
    desk = Desk()
    desk.want([(ASK + 50, 2)], [(BID - 50, 2)])

    assert desk.line(BIDS)["wanted_ticks"] == ASK - 1
    assert desk.line(ASKS)["wanted_ticks"] == BID + 1


def test_order_that_would_meet_our_own_waits() -> None:
    desk = Desk()
    desk.want([], [(ASK + 1, 2)])
    desk.place(ASKS)
    desk.top = make_top(ASK + 3, ASK + 5)

    assert desk.want([(ASK + 1, 2)], [(ASK + 6, 2)])[BIDS, 0] == KEEP
    assert desk.want([(ASK, 2)], [(ASK + 6, 2)])[BIDS, 0] == PLACE


def test_sizes_are_cut_so_that_all_fills_stay_within_the_position_limit() -> None:
    desk = Desk()
    desk.symbol["ledger"]["lots"] = 95
    desk.want([(BID - 1, 3), (BID - 2, 3), (BID - 3, 3)], [(ASK + 1, 3)])
    wanted = [int(desk.line(BIDS, level)["wanted_lots"]) for level in range(3)]

    assert wanted == [3, 2, 0]
    assert desk.line(ASKS)["wanted_lots"] == 3


def test_order_below_the_venues_minimum_is_not_wanted() -> None:
    desk = Desk(notional_e8_min=100 * 10**8)

    assert desk.want([(BID - 1, 1)], [(ASK + 1, 2)]) == {(BIDS, 0): KEEP, (ASKS, 0): PLACE}


def test_quoted_share_counts_live_time_with_an_order_on_each_side() -> None:
    desk = Desk()
    desk.want([(BID - 1, 2)], [(ASK + 1, 2)], now_ns=1_000)
    end_step(desk.symbol, desk.top[0], 1)
    accrue(desk.row, desk.symbol, 1_100)
    desk.place(BIDS, acknowledged=False)
    desk.place(ASKS, acknowledged=False)
    accrue(desk.row, desk.symbol, 1_400)

    assert (desk.row["live_ns"], desk.row["quoted_both_ns"]) == (400, 300)


def want_to_take(
    desk: Desk, side: int, ticks: int, lots: int, asks: list[tuple[int, int]] = (), now_ns: int = 1
) -> bool:
    """What the desk says to a strategy that takes, beside its asks."""
    desk.taking = (side, ticks, lots)
    desk.want([], list(asks), now_ns)
    return bool(takes(desk.symbol, now_ns))


def test_an_order_that_takes_is_one_of_its_own_that_never_rests() -> None:
    desk = Desk()
    assert want_to_take(desk, Side.BUY, ASK + 2, 3)
    order = desk.place(TAKER, TAKER_LEVEL, acknowledged=False)
    intent = desk.intent[0]

    assert (intent["side"], intent["price_ticks"], intent["size_lots"]) == (Side.BUY, ASK + 2, 3)
    assert (intent["time_in_force"], intent["flags"]) == (TimeInForce.IMMEDIATE_OR_CANCEL, 0)
    assert not want_to_take(desk, Side.SELL, BID, 1), "the last one is under way"
    assert desk.report(order, ReportKind.FILL, OrderState.PARTIAL, fill=(ASK, 1), cumulative=1) == 0
    assert desk.report(order, ReportKind.EXPIRED, OrderState.EXPIRED, cumulative=1) == 1
    assert want_to_take(desk, Side.SELL, BID, 1)
    assert (desk.symbol["ledger"]["lots"], desk.symbol["busy_bids"], desk.symbol["busy_asks"]) == (1, 0, 0)


def test_an_order_that_takes_waits_for_our_own_quote_before_it() -> None:
    desk = Desk()
    desk.want([], [(ASK, 2)])
    quote = desk.place(ASKS)

    assert not want_to_take(desk, Side.BUY, ASK, 3)
    assert want_to_take(desk, Side.BUY, ASK - 1, 3)
    desk.report(quote, ReportKind.CANCELED, OrderState.CANCELED)
    assert want_to_take(desk, Side.BUY, ASK, 3)


def test_what_is_taken_leaves_less_room_for_quotes_and_stays_within_the_position_limit() -> None:
    desk = Desk()
    desk.symbol["ledger"]["lots"] = 95
    desk.taking = (Side.BUY, ASK, 9)
    desk.want([(BID - 1, 3)], [(ASK + 9, 3)])
    assert (desk.symbol["taker"]["wanted_lots"], desk.line(BIDS)["wanted_lots"]) == (5, 0)
    assert desk.line(ASKS)["wanted_lots"] == 3
    desk.taking = (Side.SELL, BID, 9)
    desk.want([(BID - 1, 3)], [(ASK + 9, 3)])
    assert (desk.symbol["taker"]["wanted_lots"], desk.line(BIDS)["wanted_lots"]) == (9, 3)


@pytest.mark.parametrize(("side", "ticks", "lots"), [(Side.BUY, ASK, 0), (0, ASK, 3), (2, ASK, 3), (Side.BUY, 0, 3)])
def test_nothing_is_taken_where_nothing_sound_is_asked_for(side: int, ticks: int, lots: int) -> None:
    assert not want_to_take(Desk(), side, ticks, lots)
