"""The tail-risk stage: stress tightens, calm releases, our orders count, a death loosens nothing; its history."""

from types import SimpleNamespace

import numpy as np
import pytest

from procs.stages.tail_risk import KEPT_NS, REPORTS
from procs.stress_views import past_assessments, stress_of
from procs.topology import inboxes
from procs.wiring import stage_module
from shm.kernel import new_record
from tests.procs.one_stage import OneStage, instruments_of
from trader.enums import BookState, MarketEventKind, OrderState, ReportKind
from trader.messages import AccountState, ExecutionReport, Gap, MarketEvent, SignalEstimate, TailRiskAdvice, Timer
from trader.orders import pack_client_order_id
from trader.tail_risk import TailRiskConfig
from trader.tail_risk.assessment import HISTORY_LENGTH
from trader.tail_risk.recommendation import PANIC

LINK = "tail_risk_advice"
MS, S = 1_000_000, 1_000_000_000
START_NS = 10**15
CONFIG = TailRiskConfig(warm_windows=100)


def make_stage(symbols: int = 1) -> OneStage:
    return OneStage("tail_risk", SimpleNamespace(tail_risk=CONFIG), symbols=symbols)


def mid(event_ns: int, bid: int, *, symbol_id: int = 0) -> MarketEvent:
    return MarketEvent(symbol_id, 0, event_ns, MarketEventKind.MID, BookState.LIVE, bid, bid + 1, 0, 0, 0)


def signal(event_ns: int, confidence: float) -> SignalEstimate:
    return SignalEstimate(0, 0, event_ns, int(confidence > 0.7), -1, confidence, 0, 0, 0, 0, 0, 1.0, 1.0)


def report(counter: int, *, kind: int = ReportKind.ACK, state: int = OrderState.OPEN, **fields: int) -> ExecutionReport:
    client_order_id = pack_client_order_id(2, 1, counter, counter)
    rest = {"side": 1, "price_ticks": 499_990, "size_lots": 10, "last_ticks": 0, "last_lots": 0, "cumulative_lots": 0}
    values = {**rest, **fields}
    return ExecutionReport(
        0, 0, 0, client_order_id, counter, 9, kind, state, values["side"], values["price_ticks"], values["size_lots"],
        values["last_ticks"], values["last_lots"], values["cumulative_lots"], 1, 0, 1, 0,
    )  # fmt: skip


def calm(stage: OneStage, seconds: float, from_ns: int = START_NS) -> int:
    """A mid that hops a tick up and down; the time after it."""
    for number in range(int(seconds * 50)):
        stage.give(mid(from_ns + number * 20 * MS, 500_000 + number % 2), number * 20 * MS)
    return from_ns + int(seconds * S)


def test_each_symbol_is_told_at_the_start_that_nothing_is_asked_for() -> None:
    found = make_stage(symbols=2).taken(LINK)

    assert [(one.symbol_id, one.size_permille, one.spread_permille, one.halt) for one in found] == [
        (0, 1_000, 1_000, 0), (1, 1_000, 1_000, 0),
    ]  # fmt: skip


def test_panic_tightens_at_once_and_is_released_with_hysteresis_even_in_a_silent_market() -> None:
    stage = make_stage()
    now_ns = calm(stage, 30)
    stage.taken(LINK)
    stage.give(signal(now_ns, 0.9), 30 * S)
    (tight,) = stage.taken(LINK)
    stage.give(signal(now_ns + MS, 0.0), 30 * S + MS)
    told, released_s = [tight], 0.0
    for number in range(1, 2_000):
        stage.give(Timer(number), 30 * S + number * 10 * MS)
        told += stage.taken(LINK)
        if not told[-1].is_alert:
            released_s = number / 100
            break
    sizes = [one.size_permille for one in told]

    assert tight.is_alert == 1 and tight.size_permille < 800 and tight.spread_permille > 2_000
    assert tight.reasons & PANIC
    assert CONFIG.hold_ms / 1e3 <= released_s < 20
    assert sizes == sorted(sizes) and len(sizes) > 3
    assert (told[-1].size_permille, told[-1].spread_permille, told[-1].halt) == (1_000, 1_000, 0)


def test_calm_asks_for_nothing_and_says_nothing() -> None:
    stage = make_stage()
    stage.taken(LINK)
    calm(stage, 60)

    assert stage.taken(LINK) == []
    assert stage.row["assessments"] > 300


def test_exposure_is_the_position_and_the_orders_that_are_open() -> None:
    stage = make_stage()
    now_ns = calm(stage, 1)
    stage.give(AccountState(0, 0, 0, 5, 0, 1, 2), 0)
    for counter, side, ticks in ((1, 1, 499_990), (2, -1, 500_020), (3, 1, 499_980)):
        stage.give(report(counter, side=side, price_ticks=ticks), 0)
    stage.give(report(1, kind=ReportKind.FILL, state=OrderState.PARTIAL, last_lots=4, cumulative_lots=4), 0)
    stage.give(report(3, kind=ReportKind.CANCELED, state=OrderState.CANCELED), 0)
    stage.give(report(4, kind=ReportKind.REJECTED, state=OrderState.REJECTED), 0)
    stage.give(mid(now_ns, 500_000), S)
    stage.give(Timer(1), S)
    exposure = stage.row["engines"][0]["exposure"]

    assert exposure["position_lots"] == 9
    assert exposure["order_count"] == 2
    found = {(float(exposure["order_ticks"][at]), float(exposure["order_lots"][at])) for at in range(2)}
    assert found == {(-10.5, 6.0), (19.5, -10.0)}


def test_a_new_epoch_ends_the_orders_of_older_ones_and_the_account_has_the_last_word_on_the_position() -> None:
    stage = make_stage()
    stage.give(AccountState(0, 0, 0, 5, 0, 1, 2), 0)
    stage.give(report(1), 0)
    stage.give(AccountState(0, 0, 0, -3, 0, 0, 3), 0)
    unproven = stage.row["held"][0]["position_lots"], stage.row["held"][0]["count"]
    stage.give(AccountState(0, 0, 0, -3, 0, 1, 3), 0)

    assert unproven == (5, 1)
    assert (stage.row["held"][0]["position_lots"], stage.row["held"][0]["count"]) == (-3, 0)


@pytest.mark.parametrize("silent_s", [0.1, 60.0])
def test_a_successor_is_as_tight_as_its_predecessor_and_releases_in_the_ordinary_way(silent_s: float) -> None:
    """However long ago the last advice was told: it held until the death."""
    stage = make_stage()
    said = TailRiskAdvice(0, 0, START_NS, 1, 400, 2_500, 0, PANIC, 0.75, -0.9, 3.0)
    module = stage_module("tail_risk")
    state = new_record(module.STATE)
    module.start(state, SimpleNamespace(tail_risk=CONFIG), instruments_of(1))
    module.inherit(state, [said], state)
    stage.state.view(np.uint8)[:] = state.view(np.uint8)
    stage.taken(LINK)
    begun = START_NS + round(silent_s * S)
    sizes = []
    for number in range(300):
        stage.give(mid(begun + number * 10 * MS, 500_000), number * 10 * MS)
        stage.give(Timer(number), number * 10 * MS)
        sizes += [one.size_permille for one in stage.taken(LINK)]

    assert state[0]["told"][0]["size_permille"] == 400
    assert stage.row["engines"][0]["now"]["state"] == 1, "the hold begins with what the successor sees first"
    assert 1_000 not in sizes
    assert calm(stage, 10, begun + 3 * S) and stage.taken(LINK)[-1].size_permille == 1_000


class OneMemory:
    """Two stages' states, as readers of a run have them."""

    def __init__(self, stage: OneStage) -> None:
        self.states = {"tail_risk": stage.state, "signals": new_record(stage_module("signals").STATE)}

    def state(self, stage: str) -> np.ndarray:
        return self.states[stage]


def test_the_history_holds_the_last_assessments_in_order_and_views_say_what_is_asked() -> None:
    stage = make_stage()
    now_ns = calm(stage, 200)
    memory = OneMemory(stage)
    stage.give(signal(now_ns, 0.9), 200 * S)
    found = past_assessments(memory)
    view = stress_of(memory, 0)

    assert HISTORY_LENGTH - 32 <= len(found) <= HISTORY_LENGTH
    assert (np.diff(found["sequence"]) > 0).all() and (np.diff(found["event_ns"]) >= 0).all()
    assert np.median(np.diff(found["event_ns"])) >= KEPT_NS
    assert found[-1]["state"] == 1 and found[-2]["state"] == 0
    assert view.alert and view.size_permille == found[-1]["recommendation"]["size_permille"]
    assert "panic" in view.reasons and view.text.startswith("ALERT size")


def test_missed_reports_leave_no_order_that_may_be_over() -> None:
    stage = make_stage()
    for counter in (1, 2):
        stage.give(report(counter), 0)
    stage.give(Gap(1, 5), 0)
    kept = int(stage.row["held"][0]["count"])
    stage.give(Gap(REPORTS, 5), 0)

    assert inboxes("tail_risk")[REPORTS].name == "router_reports"
    assert (kept, int(stage.row["held"][0]["count"]), int(stage.row["gaps"])) == (2, 0, 2)
