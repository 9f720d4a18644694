"""A stage that follows one that died, and what those who lived make of it."""

import msgspec

from procs.stages import risk
from procs.volatility_state import inherit
from shm.kernel import new_record
from shm.order_arena import taken
from tests.procs.market_stage import MarketStage
from tests.procs.router_desk import EPOCH as DESK_EPOCH
from tests.procs.router_desk import MS as DESK_MS
from tests.procs.router_desk import RouterDesk, open_order, ready_desk
from tests.procs.test_router_session import DELETE, FLAT, OPEN, POSITION
from tests.procs.test_strategy import EPOCH, make_stage, top
from tests.procs.test_volatility import LINK, give_windows
from tests.procs.test_volatility import make_stage as volatility_stage
from tests.trader.risk_records import EPOCH as RISK_EPOCH
from tests.trader.risk_records import intent, message, ready_risk, refusal
from trader.book import ClearCause
from trader.enums import (
    BeliefState,
    BookState,
    Command,
    OrderState,
    RefusalReason,
    ReportKind,
    TradingState,
    WireKind,
)
from trader.messages import AccountState, BookClear, BookResync, Control
from trader.orders import epoch_of, pack_client_order_id
from trader.risk.facts import apply_account, pause
from trader.risk.latches import halt
from trader.risk.state import HaltCause
from trader.router.state import ORDER_API, USER_STREAM, Phase


def test_a_feed_that_follows_tells_every_book_that_it_is_not_to_be_trusted() -> None:
    feed = MarketStage("feed", "BTCUSDT", "ETHUSDT")
    before = feed.taken("feed_book")
    feed.give(Control(Command.START, 2), 0)

    assert before == []
    assert feed.taken("feed_book") == [
        BookClear(symbol, 0, 0, BookState.STALE, ClearCause.DISCONNECT) for symbol in range(2)
    ]


def test_a_book_that_follows_is_not_live_and_asks_for_every_snapshot() -> None:
    book = MarketStage("book", "BTCUSDT", "ETHUSDT")
    book.taken("book_top")
    before = book.taken("book_feed")
    book.give(Control(Command.START, 2), 0)

    assert before == []
    assert [top.state for top in book.taken("book_top")] == [BookState.INIT] * 2
    assert [resync.symbol_id for resync in book.taken("book_feed")] == [0, 1]
    assert all(isinstance(resync, BookResync) for resync in book.taken("book_feed"))


def test_a_volatility_stage_that_follows_goes_on_from_the_last_estimate() -> None:
    stage = volatility_stage(warm_windows=10)
    give_windows(stage, 1_000, 60)
    last = stage.taken(LINK)[-1]
    successor = volatility_stage(warm_windows=10)
    successor.taken(LINK)
    inherit(successor.state, [last], stage.state)
    successor.give(Control(Command.START, 2), 0)
    (first,) = successor.taken(LINK)

    assert last.state == BeliefState.LIVE
    for name in ("volatility_bps", "volatility_bps_p05", "volatility_bps_p95", "volatility_bps_sd", "mu_sd"):
        assert abs(getattr(first, name) / getattr(last, name) - 1) < 1e-9, name
    assert (first.state, first.window_count) == (last.state, last.window_count)


def test_an_estimate_that_was_not_warm_or_makes_no_sense_leaves_the_prior() -> None:
    stage = volatility_stage(warm_windows=10)
    (prior,) = stage.taken(LINK)
    for wrong in (
        prior,
        msgspec.structs.replace(prior, state=int(BeliefState.LIVE), effective_sample_size=float("nan")),
        msgspec.structs.replace(prior, symbol_id=7),
    ):
        inherit(stage.state, [wrong], stage.state)
    stage.give(Control(Command.START, 2), 0)

    assert stage.taken(LINK) == [prior]


def test_the_account_of_a_new_epoch_ends_every_older_order_at_the_strategy() -> None:
    stage = make_stage()
    stage.give(top(), 2)
    before = stage.taken("strategy_risk")
    stage.give(Control(Command.QUOTES_OFF, 0), 3)
    stage.give(AccountState(0, 0, 0, 0, 0, 1, EPOCH), 4)
    kept = taken(stage.row["arena"])
    stage.give(AccountState(0, 0, 0, 0, 0, 1, EPOCH + 1), 5)
    freed = taken(stage.row["arena"])
    stage.give(Control(Command.RUN, 0), 6)
    after = stage.taken("strategy_risk")

    assert sorted(kept) == sorted(order.client_order_id for order in before)
    assert freed == []
    assert {epoch_of(order.client_order_id) for order in before} == {EPOCH}
    assert {epoch_of(order.client_order_id) for order in after} == {EPOCH + 1}
    assert len(after) == len(before)


def test_paused_risk_refuses_until_a_reconciled_account_of_the_epoch_that_it_waits_for() -> None:
    held_by = ready_risk()
    held = intent(1, 0)
    assert refusal(held_by, held)[0] == RefusalReason.NONE
    pause(held_by[0], RISK_EPOCH + 1)
    paused = refusal(held_by, intent(2, 1))
    apply_account(held_by[0], message(AccountState, reconciled=1, epoch=RISK_EPOCH)[0])
    still = refusal(held_by, intent(2, 1))
    live = int(held_by["open_orders"][0])
    apply_account(held_by[0], message(AccountState, reconciled=1, epoch=RISK_EPOCH + 1)[0])
    fresh = pack_client_order_id(RISK_EPOCH + 1, 1, 1, 0)

    assert paused[0] == still[0] == RefusalReason.NOT_RECONCILED
    assert live == 1, "what was approved stays exposed until the venue has said that nothing is open"
    assert (int(held_by["open_orders"][0]), int(held_by[0]["orders"][0]["state"])) == (0, OrderState.CANCELED)
    assert refusal(held_by, intent(2, 1))[0] == RefusalReason.INVALID_ORDER, "an id of the older epoch"
    assert refusal(held_by, intent(2, 0, price=49_991, client_order_id=fresh))[0] == RefusalReason.NONE


def test_a_halt_outlives_the_risk_stage_that_found_its_cause() -> None:
    left, state = new_record(risk.STATE), new_record(risk.STATE)
    halt(left[0]["risk"], int(HaltCause.OVERFILL))
    left[0]["risk"]["pnl_e8"], left[0]["risk"]["day_base_e8"] = -700, 50
    risk.inherit(state, [], left)

    assert state[0]["risk"]["halted"] == HaltCause.OVERFILL
    assert state[0]["risk"]["trading"] == TradingState.HALTED
    assert state[0]["risk"]["day_base_e8"] == 750, "the day's loss goes on"


def test_a_router_that_follows_cancels_before_it_connects() -> None:
    desk = RouterDesk()
    desk.tick(1)
    desk.requests()
    desk.router["job"] = 0  # as before the START that every desk begins with
    desk.give(Control(Command.START, 2))
    first = desk.requests()
    desk.respond({"code": 200})
    second = desk.requests()
    desk.respond([])
    third = desk.requests()

    assert (first, second, third) == ([DELETE], [OPEN], ["POST /fapi/v1/listenKey"])
    assert desk.router["phase"] == Phase.CONNECTING


def test_a_router_that_follows_tells_the_fills_that_nobody_told_and_then_takes_orders() -> None:
    desk = RouterDesk(trades_from=(5,))
    desk.answers_trades = False
    trade = {"id": 5, "orderId": 9, "side": "BUY", "price": "50000.0", "qty": "0.002", "commission": "0.1",
             "maker": True, "time": 8}  # fmt: skip
    desk.tick(1)
    desk.respond({"listenKey": "key1"})
    desk.wire(USER_STREAM, WireKind.CONNECTED)
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    while not any("userTrades?symbol=BTCUSDT" in request for request in desk.requests()):
        desk.respond([])
    desk.respond([trade, trade | {"id": 6, "orderId": 10, "side": "SELL"}])
    desk.respond([FLAT[0] | {"positionAmt": "0.000"}])
    told = desk.reports()
    desk.command(Command.RUN)
    desk.place(1)

    assert [(one.kind, one.trade_id, one.side * one.last_lots) for one in told] == [
        (ReportKind.FILL, 5, 2),
        (ReportKind.FILL, 6, -2),
    ]
    assert desk.reports() == [], "nothing waits for who may have made those fills: the order is sent"
    assert "place" in desk.sent()


def test_reconcile_cancels_proves_and_tells_the_account_of_the_new_epoch() -> None:
    desk = ready_desk()
    resting = open_order(desk)
    desk.give(Control(Command.RECONCILE, DESK_EPOCH + 1))
    cancels = desk.sent()
    asked = desk.requests()
    denied = desk.place(2)
    reasons = [(one.client_order_id, one.reason) for one in desk.reports()]
    desk.reply("c", resting, status="CANCELED")
    desk.reports()
    for answer in ({"code": 200}, [], FLAT):
        assert desk.accounts() == []
        desk.respond(answer)
        asked += desk.requests()

    assert cancels == ["cancel"]
    assert reasons == [(denied.client_order_id, RefusalReason.HALTED)]
    assert asked == [DELETE, OPEN, POSITION]
    assert desk.accounts() == [AccountState(0, 0, 100 * DESK_MS, 0, 0, 1, DESK_EPOCH + 1)]
    desk.place(3)
    assert [one.reason for one in desk.reports()] == [RefusalReason.HALTED], "RUN opens the gate, nothing else"


def test_reconcile_waits_for_a_position_that_does_not_agree() -> None:
    desk = ready_desk()
    desk.give(Control(Command.RECONCILE, DESK_EPOCH + 1))
    for answer in ({"code": 200}, [], [FLAT[0] | {"positionAmt": "0.003"}]):
        desk.respond(answer)

    assert desk.accounts() == []
    assert desk.router["phase"] == Phase.POSITIONS
