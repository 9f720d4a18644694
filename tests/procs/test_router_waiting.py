"""When a router on which nothing else happens wakes for what waits: batches, tokens, cancels. On virtual time."""

from typing import Any

import pytest

from tests.procs.router_desk import MS, RouterDesk, open_order, ready_desk
from trader.enums import RefusalReason
from trader.pacing import PacingConfig

TOKEN_MS = 25
"""Between two tokens at the source's forty orders a second."""

PLACED_AT_ONCE = 38
"""Of a bucket of fifty, a fifth of which is for cancels and queries, after what coming up has taken."""


def quiet_desk(**knobs: Any) -> RouterDesk:
    """A desk that has come up, its timer with nothing left to do."""
    desk = ready_desk(**knobs)
    desk.tick(1)
    assert wakes_ms(desk) == 0
    return desk


def wakes_ms(desk: RouterDesk) -> float:
    """When the stage wants its timer, apart from the timer's own pace; 0: it does not."""
    return float(desk.stage.station.row["ports"]["wake_ns"]) / MS


def wake(desk: RouterDesk) -> None:
    """Time passes to where the stage wants its timer, and the timer comes."""
    desk.tick(int(wakes_ms(desk)) - desk.now_ms)


@pytest.mark.parametrize("window_ms", [1, 10, 30])
def test_a_batch_leaves_when_its_first_member_has_waited_the_window_on_a_quiet_router(window_ms: int) -> None:
    desk = quiet_desk(batch_window_ms=window_ms)
    began_ms = desk.now_ms
    desk.place(1)
    desk.now_ms += window_ms - 1
    desk.place(2)
    assert desk.sent() == []
    assert wakes_ms(desk) == began_ms + window_ms
    wake(desk)

    assert desk.now_ms == began_ms + window_ms
    assert desk.sent() == ["place", "place"]
    assert wakes_ms(desk) == 0


def test_a_batch_whose_first_member_is_cancelled_waits_for_its_second() -> None:
    desk = quiet_desk(batch_window_ms=10)
    first = desk.place(1)
    desk.now_ms += 4
    desk.place(2)
    desk.cancel(first.order_slot, first.client_order_id)
    second_ms = desk.now_ms
    assert [report.reason for report in desk.reports()] == [RefusalReason.LATE]
    wake(desk)
    assert desk.sent() == []
    wake(desk)

    assert (desk.now_ms, desk.sent()) == (second_ms + 10, ["place"])


def test_an_order_without_a_token_is_looked_at_when_there_is_one_and_no_later_than_it_may_wait() -> None:
    desk = quiet_desk(pacing=PacingConfig(account_per_s=100, account_burst=50, retry_ms=1_000))
    began_ms = desk.now_ms
    for counter in range(1, PLACED_AT_ONCE + 3):
        desk.place(counter)
    desk.frames()
    sent_ms = []
    while desk.router["batch"]["count"]:
        wake(desk)
        sent_ms += [desk.now_ms] * len(desk.sent())
    assert began_ms < sent_ms[0] <= began_ms + TOKEN_MS
    assert sent_ms == [sent_ms[0], sent_ms[0] + TOKEN_MS]

    hasty = quiet_desk(pacing=PacingConfig(account_per_s=100, account_burst=50, retry_ms=10))
    for counter in range(1, PLACED_AT_ONCE + 2):
        hasty.place(counter)
    hasty.frames()
    assert wakes_ms(hasty) == hasty.now_ms + 10
    wake(hasty)

    assert [report.reason for report in hasty.reports()] == [RefusalReason.MESSAGE_RATE]
    assert hasty.sent() == []


def test_a_cancel_without_a_token_leaves_with_the_next_one() -> None:
    desk = quiet_desk(pacing=PacingConfig(account_per_s=100, account_burst=50))
    orders = [open_order(desk, counter) for counter in range(1, PLACED_AT_ONCE + 1)]
    for order in orders:
        desk.cancel(order.order_slot, order.client_order_id)
    assert 0 < len(desk.sent()) < PLACED_AT_ONCE
    began_ms = desk.now_ms
    wake(desk)

    assert desk.sent() == ["cancel"]
    assert desk.now_ms - began_ms <= TOKEN_MS
