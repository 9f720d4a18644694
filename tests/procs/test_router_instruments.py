"""The router asks whether instruments trade, and for their mark prices, and tells risk before it lets it go on."""

from tests.procs.router_desk import RouterDesk, open_order, ready_desk
from trader.enums import InstrumentStatus, OrderState, ReportKind
from trader.messages import AccountState, InstrumentState

STATUS = "GET /fapi/v1/exchangeInfo?symbol=BTCUSDT"
MARK = "GET /fapi/v1/premiumIndex?symbol=BTCUSDT"
TRADES = {"symbols": [{"symbol": "BTCUSDT", "status": "TRADING"}]}
HALTED = {"symbols": [{"symbol": "BTCUSDT", "status": "HALT"}]}
MS = 1_000_000


def coming_up() -> RouterDesk:
    """A desk whose next request is its first for a status."""
    desk = RouterDesk(status_refresh_ms=2_000, mark_refresh_ms=500)
    desk.reach_positions()
    return desk


def test_the_status_is_asked_for_before_orders_may_pass_and_told_before_the_account():
    desk = coming_up()
    assert desk.requests()[-1] == STATUS
    assert desk.accounts() == []
    desk.respond(TRADES)
    told = [one for one in desk.told() if isinstance(one, InstrumentState | AccountState)]

    assert [type(one) for one in told[-2:]] == [InstrumentState, AccountState]
    assert told[-2] == InstrumentState(0, 0, int(InstrumentStatus.TRADING), 0, 0)


def test_without_a_status_the_router_does_not_get_ready():
    desk = coming_up()
    desk.requests()
    for _ in range(3):
        desk.respond({"code": -1001}, 503)
        desk.tick(50, 40)
        assert desk.requests() == [STATUS]
        assert desk.accounts() == []
    desk.respond(TRADES)

    assert [1] == [account.reconciled for account in desk.accounts()]


def test_a_mark_price_is_as_old_as_its_request():
    desk = coming_up()
    desk.respond(TRADES)
    desk.tick(1)
    assert desk.requests()[-1] == MARK
    asked_ms = desk.now_ms
    desk.now_ms += 3
    desk.respond({"symbol": "BTCUSDT", "markPrice": "50000.12"})

    assert desk.states()[-1] == InstrumentState(0, 0, int(InstrumentStatus.TRADING), 1_000_002, asked_ms * MS)


def running() -> RouterDesk:
    desk = coming_up()
    desk.respond(TRADES)
    desk.tick(1)
    desk.respond({"symbol": "BTCUSDT", "markPrice": "50000.0"})
    desk.tick(1, 3)
    desk.states(), desk.requests(), desk.frames()
    return desk


def test_both_are_refreshed_each_at_its_pace_and_what_is_not_answered_holds_nothing_up():
    desk = running()
    asked = []
    for _ in range(42):
        desk.tick(50)
        for request in desk.requests():
            asked.append(request)
            desk.respond({"symbol": "BTCUSDT", "markPrice": "50001.0"} if request == MARK else HALTED)

    assert asked.count(STATUS) == 1
    assert asked.count(MARK) == 4
    state = desk.states()[-1]
    assert (state.status, state.mark2_ticks) == (InstrumentStatus.STOPPED, 1_000_020)


def test_a_mark_price_that_is_refused_is_asked_for_when_it_is_due_and_holds_nothing_up():
    desk = running()
    asked = []
    for _ in range(21):
        desk.tick(50)
        for request in desk.requests():
            asked.append(request)
            desk.respond({"code": -1001}, 503) if request == MARK else desk.respond(TRADES)

    assert asked.count(MARK) == 2
    assert (desk.count("rest_failures"), desk.router["rest_not_before_ns"] <= desk.now_ms * MS) == (0, True)


def test_a_refusal_because_of_the_status_is_believed_at_once_and_asked_about():
    desk = running()
    order = desk.place(1)
    desk.error("p", order, -1122)

    assert [state.status for state in desk.states()] == [InstrumentStatus.STOPPED]
    assert [(ReportKind.REJECTED, OrderState.REJECTED, -1122)] == [
        (one.kind, one.state, one.reason) for one in desk.reports()
    ]
    desk.tick(50)
    assert STATUS in desk.requests()
    desk.respond(TRADES)
    assert [state.status for state in desk.states()] == [InstrumentStatus.TRADING]


def test_where_they_are_never_asked_for_nothing_is_known():
    desk = ready_desk()
    open_order(desk)
    desk.tick(50, 100)

    assert not [request for request in desk.requests() if "exchangeInfo" in request or "premiumIndex" in request]
    assert {state.status for state in desk.states()} <= {InstrumentStatus.UNKNOWN}
