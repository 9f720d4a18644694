"""What the desk is told: fills, ends of orders, refusals, the venue's account."""

import pytest

from shm.codec import record_dtype
from shm.kernel import new_record
from tests.trader.one_desk import ASK, ASKS, BID, BIDS, Desk
from trader.enums import OrderState, ReportKind
from trader.messages import AccountState, OrderRefusal
from trader.strategy import POSITION
from trader.strategy.account import average_entry, on_account, on_refusal
from trader.strategy.desk import CANCEL, KEEP, PLACE
from trader.strategy.lines import CANCELING, IDLE, WORKING, ask_cancel, free_line


def test_refused_and_rejected_lines_pause_before_the_next_try() -> None:
    desk = Desk()
    wanted = ([(BID - 1, 2)], [(ASK + 1, 2)])
    desk.want(*wanted)
    refusal = new_record(record_dtype(OrderRefusal))
    refusal["client_order_id"] = desk.place(BIDS, acknowledged=False)
    refused = [on_refusal(desk.row, refusal[0], 1) for _ in range(2)]
    rejected = desk.report(desk.place(ASKS, acknowledged=False), ReportKind.REJECTED, OrderState.REJECTED)

    assert desk.want(*wanted, now_ns=100) == {(BIDS, 0): KEEP, (ASKS, 0): KEEP}
    assert desk.want(*wanted, now_ns=101) == {(BIDS, 0): PLACE, (ASKS, 0): PLACE}
    assert (desk.row["refusals"], desk.row["rejects"], desk.row["unmatched"]) == (1, 1, 1)
    assert (refused, rejected) == ([1, 0], 1), "whoever is told 1 gives the slot back"


def test_fills_move_position_and_cash_and_a_partial_keeps_its_line() -> None:
    desk = Desk()
    desk.want([(BID - 1, 2)], [])
    order = desk.place(BIDS)
    desk.report(order, ReportKind.FILL, OrderState.PARTIAL, fill=(BID - 1, 1), cumulative=1, fee=7)
    partial = int(desk.line(BIDS)["state"])
    leaves = int(desk.line(BIDS)["leaves_lots"])
    desk.report(order, ReportKind.FILL, OrderState.FILLED, fill=(BID - 1, 1), cumulative=2, fee=7)
    desk.want([], [])

    assert (partial, leaves) == (WORKING, 1)
    assert desk.line(BIDS)["state"] == IDLE
    assert desk.position["position_lots"] == 2
    assert desk.position["cash_e8"] == -2 * (BID - 1) * 10_000 - 14
    assert desk.position["pnl_e8"] == 2 * 2 * 10_000 - 14
    assert desk.position["average_ticks"] == BID - 1


def test_fill_of_an_order_that_no_line_knows_still_counts() -> None:
    desk = Desk()
    desk.report(1 << 44 | 77, ReportKind.FILL, OrderState.FILLED, fill=(BID, 5), cumulative=5)

    assert desk.symbol["ledger"]["lots"] == 5
    assert desk.row["unmatched"] == 1


def test_late_report_of_an_older_order_leaves_the_newer_one_in_its_slot_alone() -> None:
    desk = Desk()
    desk.want([(BID - 1, 2)], [])
    old = desk.place(BIDS, slot=7)
    freed = free_line(desk.row, old, 0)
    desk.place(BIDS, slot=7)

    assert (freed, free_line(desk.row, old, 0)) == (1, 0)
    assert desk.report(old, ReportKind.CANCELED, OrderState.CANCELED) == 0
    assert desk.line(BIDS)["state"] == WORKING


def test_unknown_order_and_rejected_cancel_keep_the_line_busy() -> None:
    desk = Desk()
    desk.want([(BID - 1, 2)], [])
    order = desk.place(BIDS)
    desk.report(order, ReportKind.UNKNOWN, OrderState.UNKNOWN)
    ask_cancel(desk.row, desk.line(BIDS), 1)
    desk.report(order, ReportKind.CANCEL_REJECTED, OrderState.OPEN)

    assert desk.line(BIDS)["state"] == CANCELING
    assert desk.symbol["busy_bids"] == 1


def test_account_word_sets_position_and_opens_the_gate() -> None:
    desk = Desk()
    desk.symbol["reconciled"] = 0
    account = new_record(record_dtype(AccountState))
    account["position_lots"], account["reconciled"] = -7, 1
    agrees = on_account(desk.row, account[0], 1)
    desk.want([(BID - 1, 2)], [])

    assert desk.position["position_lots"] == -7
    assert desk.position["pnl_e8"] == 0
    desk.place(BIDS)
    account["reconciled"] = 0
    assert (agrees, on_account(desk.row, account[0], 2)) == (1, 0)
    assert desk.want([(BID - 1, 2)], [])[BIDS, 0] == CANCEL


@pytest.mark.parametrize(
    ("before", "after", "price", "average", "expected"),
    [
        (0, 2, 100, 0.0, 100.0),
        (2, 4, 110, 100.0, 105.0),
        (4, 1, 120, 105.0, 105.0),
        (1, 0, 120, 105.0, 0.0),
        (2, -3, 90, 105.0, 90.0),
        (-3, -5, 100, 90.0, 94.0),
    ],
)
def test_average_entry_follows_average_cost(before, after, price, average, expected) -> None:
    position = new_record(POSITION)
    position["average_ticks"] = average
    average_entry(position[0], before, after, price)

    assert position[0]["average_ticks"] == expected
