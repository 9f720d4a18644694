"""Deliberate bugs in the router's last check: each is noticed. Interpreted, all in one process, in milliseconds."""

import pytest

from tests.trader.interpreted import Interpreted
from tests.trader.test_risk_sabotage import run

HOP = "tests.trader.test_router_last_hop"
STATE = f"{HOP}::test_nothing_leaves_in_another_state"
VALID = f"{HOP}::test_an_order_is_valid_and_of_bearable_size"
SLOT = f"{HOP}::test_a_slot_holds_one_live_order_and_an_id_is_used_once"
WORST = f"{HOP}::test_the_worst_case_of_a_side_counts_position_and_what_is_out"

PLACING = "trader.router.placing"
NEVER = "if False:"

# fmt: off
BUGS: dict[str, tuple[str, str, str, str]] = {
    "accepting": (PLACING, "if router.accepting == 0:", NEVER, STATE),
    "reconciled": (PLACING, "if router.phase != Phase.READY:", NEVER, STATE),
    "known symbol": (PLACING, "if symbol_id < 0 or symbol_id >= router.symbol_count:", NEVER, VALID),
    "parked fills": (PLACING, "if router.gates[symbol_id].blocked != 0:", NEVER,
                     f"{HOP}::test_a_symbol_with_fills_that_may_be_anybodys_gets_no_order"),
    "slot of the id": (PLACING, "wanted.client_order_id & SLOT_MASK != wanted.order_slot or ", "", VALID),
    "epoch of the id": (PLACING, " or epoch_of(wanted.client_order_id) != router.epoch", "", STATE),
    "size": (PLACING, "if wanted.size_lots < 1 or wanted.size_lots > SIZE_LOTS_MAX:", NEVER, VALID),
    "price": (PLACING, "wanted.price_ticks < 1 or wanted.price_ticks > PRICE_TICKS_MAX or ", "", VALID),
    "side": (PLACING, " or wanted.side * wanted.side != 1", "", VALID),
    "time in force": (PLACING, "wanted.time_in_force < 0 or wanted.time_in_force > TimeInForce.IMMEDIATE_OR_CANCEL",
                      "False", VALID),
    "slot taken": (PLACING, "if is_live(order.state) or ", "if ", SLOT),
    "id used": (PLACING, " or wanted.client_order_id <= order.client_order_id", "", SLOT),
    "canceled early": (PLACING, "if router.canceled_early[wanted.order_slot] == wanted.client_order_id:", NEVER,
                       f"{HOP}::test_an_order_whose_cancel_came_first_is_late"),
    "greatest size": (PLACING, "if wanted.size_lots > gate.order_lots_max:", NEVER, VALID),
    "greatest notional": (PLACING, "if wanted.size_lots * wanted.price_ticks > gate.order_units_max:", NEVER, VALID),
    "open orders": (PLACING, "if router.open_orders >= router.open_orders_max:", NEVER, STATE),
    "position": (PLACING, "wanted.side * router.position_lots[wanted.symbol_id] + open_lots", "open_lots", WORST),
    "what is out": (PLACING, " + open_lots + wanted.size_lots", " + wanted.size_lots", WORST),
}
# fmt: on
"""A slot out of range is refused once more by what its id says, so that guard alone is not among them."""


def test_the_last_checks_tests_pass_interpreted() -> None:
    world = Interpreted()
    for named in sorted({named for *_, named in BUGS.values()}):
        run(world, named)


@pytest.mark.parametrize("name", BUGS)
def test_a_deliberate_bug_is_noticed(name: str) -> None:
    *bug, named = BUGS[name]
    world = Interpreted(*bug)
    with pytest.raises((AssertionError, IndexError)):
        run(world, named)
