"""The risk stage: what it sends for approvals, refusals, full links and halts."""

from procs.stages.risk import BUILD_ALONE
from tests.procs.one_stage import OneStage
from tests.trader.risk_records import FREE_E8, WIDE, limits, stage_config
from trader.enums import BookState, Command, InstrumentStatus, OrderState, RefusalReason, ReportKind, TimeInForce
from trader.messages import (
    LEVELS,
    AccountState,
    BookTop,
    CancelRequest,
    Control,
    ExecutionReport,
    InstrumentState,
    NewOrder,
    OrderIntent,
    OrderRefusal,
)
from trader.orders import pack_client_order_id
from trader.risk.limits import RiskConfig
from trader.risk.state import HaltCause

EPOCH = 2


def ladder(first: int, step: int) -> tuple[int, ...]:
    return tuple(first + step * level for level in range(LEVELS))


def ready_stage(config: RiskConfig = WIDE) -> OneStage:
    stage = OneStage("risk", stage_config(config))
    stage.give(Control(int(Command.RUN), BUILD_ALONE), 0)
    stage.give(InstrumentState(0, 0, int(InstrumentStatus.TRADING), 0, 0), 0)
    stage.give(AccountState(0, 0, 0, 0, 0, 1, EPOCH, FREE_E8, 1), 0)
    lots = (1,) * LEVELS
    stage.give(BookTop(0, 0, 0, 1, int(BookState.LIVE), ladder(49_995, -1), lots, ladder(50_005, 1), lots), 0)
    return stage


def intent(counter: int, *, side: int = 1, price: int = 49_990, size: int = 100) -> OrderIntent:
    slot = counter % 4_096
    client_order_id = pack_client_order_id(EPOCH, 1, counter, slot)
    return OrderIntent(0, 0, client_order_id, slot, side, price, size, int(TimeInForce.POST_ONLY), 2, 1)


def test_an_approved_intent_becomes_a_new_order_with_its_time_of_approval():
    stage = ready_stage()
    asked = intent(1)
    stage.give(asked, 55)
    fields = {name: getattr(asked, name) for name in asked.__struct_fields__ if name != "flags"}
    expected = [NewOrder(approved_ns=55, **fields)]
    actual = stage.taken("risk_router")

    assert expected == actual
    assert stage.taken("risk_strategy") == []
    assert (1, 0, 1) == tuple(stage.row["risk"][name] for name in ("approved", "refused", "open_orders"))


def test_a_refused_intent_is_answered_with_its_reason():
    stage = ready_stage()
    asked = intent(1, size=1_001)
    stage.give(asked, 55)
    expected = [OrderRefusal(0, 0, asked.client_order_id, 1, int(RefusalReason.QUANTITY), 1_001, 1_000)]
    actual = stage.taken("risk_strategy")

    assert expected == actual
    assert stage.taken("risk_router") == []


def test_a_full_ring_to_the_router_gives_the_exposure_back():
    many = {"open_orders_max": 4_096, "open_orders_side_max": 4_096, "position_lots_max": 10**6}
    stage = ready_stage(limits(**many, duplicate_ms=0))
    for counter in range(1, 1_000):
        stage.give(intent(counter), 0)
    refusals = stage.taken("risk_strategy")
    approved = len(stage.taken("risk_router"))

    assert {RefusalReason.NO_ROOM} == {refusal.reason for refusal in refusals}
    assert approved + len(refusals) == 999
    risk = stage.row["risk"]
    assert (approved, len(refusals), approved) == (risk["approved"], risk["refused"], risk["open_orders"])
    assert risk["symbols"][0]["buys"]["leaves_lots"] == 100 * approved
    assert risk["refused_by_reason"][RefusalReason.NO_ROOM] == len(refusals)


def test_halt_refuses_everything_and_asks_for_every_cancel():
    stage = ready_stage()
    first = intent(1)
    stage.give(first, 0)
    stage.give(Control(int(Command.HALT), 0), 1)
    stage.give(intent(2), 2)

    assert stage.taken("risk_cancels") == [CancelRequest(0, -1, 0)]
    assert [RefusalReason.HALTED] == [refusal.reason for refusal in stage.taken("risk_strategy")]
    fields = (0, 0, 0, first.client_order_id, 1, 9, int(ReportKind.ACK), int(OrderState.OPEN), 1, 49_990, 100)
    stage.give(ExecutionReport(*fields, 0, 0, 0, 0, 0, 0, 0), 3)
    assert stage.taken("risk_cancels") == [CancelRequest(0, 1, first.client_order_id)]


def test_a_lost_reconciliation_stops_new_orders():
    stage = ready_stage()
    stage.give(AccountState(0, 0, 0, 0, 0, 0, EPOCH), 0)
    stage.give(intent(1), 0)

    assert [RefusalReason.NOT_RECONCILED] == [refusal.reason for refusal in stage.taken("risk_strategy")]


def test_orders_pass_only_after_run_proves_that_all_processes_run_the_same():
    stage = ready_stage()
    stage.row["risk"]["build"] = 77
    for argument, reason in ((76, RefusalReason.BUILD_MISMATCH), (0, RefusalReason.BUILD_MISMATCH)):
        stage.give(Control(int(Command.RUN), argument), 0)
        stage.give(intent(argument + 1), 0)
        assert [reason] == [refusal.reason for refusal in stage.taken("risk_strategy")]
    stage.give(Control(int(Command.RUN), 77), 0)
    stage.give(intent(100), 0)

    assert len(stage.taken("risk_router")) == 1


def test_each_cause_is_rearmed_by_itself():
    stage = ready_stage()
    stage.give(Control(int(Command.HALT), int(HaltCause.KILL_SWITCH)), 1)
    stage.give(Control(int(Command.HALT), int(HaltCause.EARLIER_RUN)), 1)
    stage.give(Control(int(Command.REARM), int(HaltCause.KILL_SWITCH)), 2)
    stage.give(intent(1), 3)
    stage.give(Control(int(Command.REARM), int(HaltCause.EARLIER_RUN)), 4)
    stage.give(intent(2), 5)

    assert [(RefusalReason.HALTED, HaltCause.EARLIER_RUN)] == [
        (refusal.reason, refusal.found) for refusal in stage.taken("risk_strategy")
    ]
    assert len(stage.taken("risk_router")) == 1


def test_reducing_cancels_what_rests_and_lets_only_what_closes_through():
    stage = ready_stage()
    first = intent(1)
    stage.give(first, 0)
    fields = (0, 0, 0, first.client_order_id, 1, 9, int(ReportKind.FILL), int(OrderState.FILLED), 1, 49_990, 100)
    stage.give(ExecutionReport(*fields, 49_990, 100, 100, 1, 0, 1, 0), 1)
    stage.give(Control(int(Command.REDUCE), int(HaltCause.LOSS)), 2)
    stage.give(intent(2, price=49_991), 3)
    stage.give(intent(3, side=-1, price=50_010, size=60), 4)
    stage.give(intent(4, side=-1, price=50_011, size=41), 5)

    assert stage.taken("risk_cancels") == [CancelRequest(0, -1, 0)]
    assert [(RefusalReason.REDUCING, 0), (RefusalReason.REDUCING, 40)] == [
        (refusal.reason, refusal.allowed) for refusal in stage.taken("risk_strategy")
    ]
    assert [100, 60] == [order.size_lots for order in stage.taken("risk_router")]
