"""The strategy stage: gates, intents, cancels, refusals, and a user's own file behind the same door."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from procs.errors import OperatorError
from procs.scaffold import STRATEGY, template
from procs.stages import strategy
from shm.order_arena import format_arena, taken
from tests.procs.one_stage import OneStage
from trader.enums import BeliefState, BookState, Command, OrderState, RefusalReason, ReportKind, Side
from trader.messages import (
    AccountState,
    BookTop,
    Control,
    ExecutionReport,
    OrderIntent,
    OrderRefusal,
    Timer,
    VolatilityEstimate,
)
from trader.orders import (
    ORDER_SLOTS_MAX,
    STAGE_STRATEGY,
    counter_of,
    epoch_of,
    generations,
    order_slot_of,
    stage_of,
)
from trader.strategy import LEVELS_MAX, StrategyConfig
from trader.volatility import VolatilityConfig

BID, ASK = 618_000, 618_001
MS = 1_000_000
EPOCH = 5
SLOTS_USED = 2 * LEVELS_MAX + 1 + strategy.SLOTS_RESTING


def make_config(**knobs: object) -> SimpleNamespace:
    return SimpleNamespace(strategy=StrategyConfig(**knobs), volatility=VolatilityConfig())


def make_stage(*, symbols: int = 1, open_gate: bool = True, **knobs: object) -> OneStage:
    stage = OneStage("strategy", make_config(**knobs), symbols=symbols)
    if open_gate:
        stage.give(Control(Command.RUN, 0), 1)
        for symbol_id in range(symbols):
            stage.give(AccountState(symbol_id, 0, 0, 0, 0, 1, EPOCH), 1)
    return stage


def top(bid: int = BID, ask: int = ASK, *, state=BookState.LIVE, event_ns: int = 0, symbol_id: int = 0) -> BookTop:
    bids, asks = tuple(bid - level for level in range(10)), tuple(ask + level for level in range(10))
    return BookTop(symbol_id, 0, event_ns, 1, state, bids, (10,) * 10, asks, (10,) * 10)


def belief(volatility_bps: float, *, event_ns: int = 0, state: int = BeliefState.LIVE) -> VolatilityEstimate:
    band = (volatility_bps, volatility_bps / 2, volatility_bps * 2, 0.1)
    return VolatilityEstimate(0, 0, event_ns, 100, state, *band, 0, 0, 1, 0, 0, 0, 300, 0, 0.5)


def report(intent: OrderIntent, kind: int, state: int, *, lots: int = 0) -> ExecutionReport:
    order = (intent.client_order_id, intent.order_slot, 77, kind, state, intent.side, intent.price_ticks)
    return ExecutionReport(0, 0, 0, *order, intent.size_lots, intent.price_ticks if lots else 0, lots, lots, 1, 0, 1, 0)


def acknowledge_all(stage: OneStage, intents: list[OrderIntent], now_ns: int) -> None:
    for intent in intents:
        stage.give(report(intent, ReportKind.ACK, OrderState.OPEN), now_ns)


def width(intents: list[OrderIntent]) -> int:
    return min(i.price_ticks for i in intents if i.side == Side.SELL) - max(
        i.price_ticks for i in intents if i.side == Side.BUY
    )


def test_both_sides_are_quoted_on_every_level_once_the_gate_is_open() -> None:
    stage = make_stage()
    stage.give(top(), 2)
    intents = stage.taken("strategy_risk")
    stage.give(top(), 3)

    assert sorted((intent.side, intent.level) for intent in intents) == [(s, n) for s in (-1, 1) for n in range(3)]
    assert len({intent.order_slot for intent in intents}) == 6
    assert {intent.client_order_id >> 44 for intent in intents} == {EPOCH}
    assert stage.taken("strategy_risk") == []


@pytest.mark.parametrize("missing", ["run", "account", "book", "side"])
def test_nothing_is_quoted_while_the_gate_is_closed(missing: str) -> None:
    stage = make_stage(open_gate=False)
    if missing != "run":
        stage.give(Control(Command.RUN, 0), 1)
    if missing != "account":
        stage.give(AccountState(0, 0, 0, 0, 0, 1, EPOCH), 1)
    state = BookState.SYNCING if missing == "book" else BookState.LIVE
    book = top(state=state)
    if missing == "side":
        book = BookTop(0, 0, 0, 1, state, book.bid_ticks, book.bid_lots, (0,) * 10, (0,) * 10)
    stage.give(book, 2)

    assert stage.taken("strategy_risk") == []


@pytest.mark.parametrize("why", ["off", "halt", "stale", "unreconciled", "silent"])
def test_everything_is_pulled_when_the_gate_closes(why: str) -> None:
    stage = make_stage(book_age_ms_max=1_000)
    stage.give(top(), 2)
    intents = stage.taken("strategy_risk")
    acknowledge_all(stage, intents, 3)
    match why:
        case "off":
            stage.give(Control(Command.QUOTES_OFF, 0), 4)
        case "halt":
            stage.give(Control(Command.HALT, 0), 4)
        case "stale":
            stage.give(top(state=BookState.STALE), 4)
        case "unreconciled":
            stage.give(AccountState(0, 0, 0, 0, 6, 0, EPOCH), 4)
        case "silent":
            stage.give(Timer(1), 2 + 1_001 * MS)
    cancels = stage.taken("strategy_cancels")

    assert {c.client_order_id for c in cancels} == {i.client_order_id for i in intents}
    assert {c.order_slot for c in cancels} == {i.order_slot for i in intents}


def test_moved_book_cancels_and_the_confirmed_cancel_places_anew() -> None:
    stage = make_stage()
    stage.give(top(), 2)
    intents = stage.taken("strategy_risk")
    acknowledge_all(stage, intents, 3)
    stage.give(top(BID + 5, ASK + 5), 4)
    still = stage.taken("strategy_cancels")
    stage.give(top(BID + 40, ASK + 40), 5)
    cancels = stage.taken("strategy_cancels")
    early = stage.taken("strategy_risk")
    stage.give(report(intents[0], ReportKind.CANCELED, OrderState.CANCELED), 6)
    anew = stage.taken("strategy_risk")

    assert still == early == []
    assert len(cancels) == 6
    assert [(i.side, i.level, i.price_ticks) for i in anew] == [
        (intents[0].side, intents[0].level, intents[0].price_ticks + 40)
    ]


def test_refused_intent_gives_its_slot_back_and_tries_again_after_the_pause() -> None:
    stage = make_stage(refusal_pause_ms=100, levels=1)
    stage.give(top(), 2)
    intents = stage.taken("strategy_risk")
    for intent in intents:
        stage.give(OrderRefusal(0, 0, intent.client_order_id, intent.order_slot, RefusalReason.PRICE_COLLAR, 1, 0), 3)
    stage.give(top(), 50 * MS)
    early = stage.taken("strategy_risk")
    stage.give(Timer(1), 101 * MS)

    assert early == []
    assert stage.row["desk"]["refusals"] == 2
    assert stage.row["arena"]["free_count"] == SLOTS_USED - 2
    assert (stage.row["arena"]["twice"], stage.row["arena"]["stale"]) == (0, 0)
    assert len(stage.taken("strategy_risk")) == 2


def test_fills_lean_the_quotes_against_the_position() -> None:
    stage = make_stage(levels=1)
    stage.give(top(), 2)
    bid = next(intent for intent in stage.taken("strategy_risk") if intent.side == Side.BUY)
    stage.give(report(bid, ReportKind.FILL, OrderState.FILLED, lots=2), 3)
    anew = stage.taken("strategy_risk")

    assert stage.row["desk"]["symbols"][0]["ledger"]["lots"] == 2
    assert [intent.side for intent in anew] == [Side.BUY]
    assert anew[0].price_ticks < bid.price_ticks


def test_link_without_room_frees_the_slot_and_is_counted() -> None:
    stage = make_stage(levels=10, caution_per_level=0.0, requote_ticks=0, refusal_pause_ms=0, cancel_retry_ms=10)
    for round_ in range(80):
        stage.give(top(BID + 50 * (round_ % 2), ASK + 50 * (round_ % 2)), 10 + round_)
        for order in taken(stage.row["arena"]):
            ticket = stage.row["desk"]["tickets"][order_slot_of(order)]
            side = Side.BUY if ticket["side_index"] == 0 else Side.SELL
            intent = OrderIntent(0, 0, order, order_slot_of(order), side, BID, 2, 0, 0, 0)
            stage.give(report(intent, ReportKind.CANCELED, OrderState.CANCELED), 10 + round_)
    desk = stage.row["desk"]

    assert desk["denied"] > 0
    assert stage.row["arena"]["free_count"] == SLOTS_USED - len(taken(stage.row["arena"]))
    assert set(desk["tickets"]["client_order_id"]) - {0} == set(taken(stage.row["arena"]))
    assert len(stage.taken("strategy_risk")) == desk["intents"] - desk["denied"]


def test_lines_for_which_there_is_no_slot_stay_idle_and_try_again_when_one_is_given_back() -> None:
    stage = make_stage(levels=1)
    before, last = generations(EPOCH, STAGE_STRATEGY)
    format_arena(stage.row["arena"], 1, before=before, last=last)
    stage.give(top(), 2)
    first = stage.taken("strategy_risk")
    exhausted = int(stage.row["arena"]["exhausted"])
    stage.give(OrderRefusal(0, 0, first[0].client_order_id, 0, RefusalReason.PRICE_COLLAR, 1, 0), 3)
    stage.give(top(), 4)
    second = stage.taken("strategy_risk")

    assert (len(first), exhausted) == (1, 1)
    assert [intent.side for intent in second] == [Side.SELL if first[0].side == Side.BUY else Side.BUY]
    assert second[0].client_order_id - first[0].client_order_id == ORDER_SLOTS_MAX


def test_the_accounts_epoch_is_in_every_id_and_a_later_one_in_those_that_follow() -> None:
    stage = make_stage(levels=1, refusal_pause_ms=0)
    for epoch, now_ns in ((EPOCH, 2), (EPOCH, 3), (EPOCH + 5, 4)):
        stage.give(AccountState(0, 0, 0, 0, 0, 1, epoch), now_ns)
        stage.give(top(), now_ns)
        for number, intent in enumerate(stage.taken("strategy_risk")):
            assert (epoch_of(intent.client_order_id), stage_of(intent.client_order_id)) == (epoch, STAGE_STRATEGY)
            assert counter_of(intent.client_order_id) == (3 if now_ns == 3 else 1) + number
            refusal = OrderRefusal(0, 0, intent.client_order_id, intent.order_slot, RefusalReason.PRICE_COLLAR, 1, 0)
            stage.give(refusal, now_ns)
    assert stage.row["arena"]["free_count"] == SLOTS_USED


def test_users_file_quotes_each_symbol_with_a_state_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(template(STRATEGY))
    stage = make_stage(symbols=2, file=str(path), parameters={"half_spread_ticks": 30})
    stage.give(top(symbol_id=1), 2)
    intents = stage.taken("strategy_risk")

    assert {intent.symbol_id for intent in intents} == {1}
    assert width(intents) >= 60
    assert stage.row["quote_calls"] == 1


@pytest.mark.parametrize("own_file", [False, True])
def test_relink_only_rewrites_the_address_of_the_strategy(tmp_path: Path, own_file: bool) -> None:
    path = tmp_path / "mine.py"
    path.write_text(template(STRATEGY))
    stage = make_stage(file=str(path) if own_file else "")
    before = stage.state.tobytes()
    stage.row["quote_entry"] = 0
    strategy.relink(stage.state)

    assert stage.state.tobytes() == before


def test_relink_refuses_a_file_that_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(template(STRATEGY))
    stage = make_stage(file=str(path))
    path.write_text(template(STRATEGY) + "\n")

    with pytest.raises(OperatorError, match="changed since the run"):
        strategy.relink(stage.state)
