"""Deliberate bugs in risk: each check, latch and sum taken out once, and the test that has to notice.

    name: (module, text, what stands there instead, test_module::test)

The order is that of `trader.risk.checks`; what follows check 17 stands in `risk_sabotage_latches`.
"""

from tests.trader.risk_sabotage_latches import BUGS as LATCHES_AND_SUMS

CHECKS = "tests.trader.test_risk_checks"
RISK = "tests.trader.test_risk"
PULLING = "tests.trader.test_risk_pulling"
ORDER, MARKET, EXPOSED = "trader.risk.check_order", "trader.risk.check_market", "trader.risk.check_exposure"
FACTS, LATCH, SUMS = "trader.risk.facts", "trader.risk.latches", "trader.risk.exposure"
EACH = f"{RISK}::test_each_refusal_names_what_was_found_and_what_is_allowed"
NOTHING = f"{RISK}::test_nothing_passes_before_reconciliation_or_without_a_book"
NOT_LISTED = f"{RISK}::test_a_symbol_that_is_not_listed_is_refused"
ID = f"{RISK}::test_an_id_is_used_once_and_a_slot_holds_one_live_order"
BROKEN = f"{RISK}::test_a_crossed_or_empty_book_is_refused"
SELF = f"{RISK}::test_an_own_order_on_the_other_side_is_not_crossed_until_it_has_ended"
SAME = f"{CHECKS}::test_the_same_order_is_refused_for_so_long_and_so_are_those_that_could_have_been_forgotten"
MARK = f"{CHECKS}::test_the_venues_mark_price_stands_in_for_a_book_that_is_not_to_be_used"
COUNTED = f"{CHECKS}::test_open_orders_are_counted_by_side_symbol_and_account"
WORST = f"{CHECKS}::test_the_worst_case_is_held_to_notional_at_the_mark_by_symbol_and_by_account"
MARGIN = f"{CHECKS}::test_margin_bounds_the_worst_case_and_wants_a_new_balance"
HELD = f"{PULLING}::test_pulled_quotes_may_not_come_back_for_a_while_but_what_takes_may"
_SELLS_BEST = "        if intent.price_ticks >= symbol.sells.best_ticks:\n"
_BUYS_BEST = "        if intent.price_ticks <= symbol.buys.best_ticks:\n"
NEVER = "if False:"

BUGS: dict[str, tuple[str, str, str, str]] = {
    "1 halted": (
        ORDER,
        "if risk.trading == TradingState.HALTED:",
        NEVER,
        f"{RISK}::test_halt_latches_and_cancels_what_reaches_the_venue_late",
    ),
    "1 reducing": (
        ORDER,
        "if risk.trading != TradingState.ACTIVE and _could_grow(symbol, intent):",
        NEVER,
        f"{CHECKS}::test_reducing_lets_through_what_brings_the_position_nearer_to_flat_at_worst",
    ),
    "1 reducing forgets what rests": (
        ORDER,
        "return max(-(long_case(symbol) if intent.side > 0 else short_case(symbol)), 0)",
        "return max(-intent.side * symbol.position.lots, 0)",
        f"{CHECKS}::test_reducing_lets_through_what_brings_the_position_nearer_to_flat_at_worst",
    ),
    "2 parity": (ORDER, "if risk.parity != PARITY:", NEVER, NOTHING),
    "2 reconciled": (ORDER, "if symbol.reconciled == 0:", NEVER, NOTHING),
    "3 unknown symbol": (ORDER, "if symbol_id < 0 or symbol_id >= risk.symbol_count:", NEVER, NOT_LISTED),
    "3 allowed": (ORDER, "if symbol.limits.allowed == 0:", NEVER, NOT_LISTED),
    "3 status": (
        ORDER,
        "if symbol.status != InstrumentStatus.TRADING:",
        NEVER,
        f"{RISK}::test_an_instrument_that_the_venue_does_not_trade_is_refused",
    ),
    "3 venue": (ORDER, "if intent.venue_id != symbol.limits.venue_id:", NEVER, NOT_LISTED),
    "4 side": (ORDER, "if intent.side * intent.side != 1:", NEVER, EACH),
    "4 time in force": (
        ORDER,
        "if intent.time_in_force < 0 or intent.time_in_force > TimeInForce.IMMEDIATE_OR_CANCEL:",
        NEVER,
        EACH,
    ),
    "4 slot of the id": (
        ORDER,
        "if intent.client_order_id <= 0 or intent.client_order_id & SLOT_MASK != intent.order_slot:",
        NEVER,
        EACH,
    ),
    "4 epoch": (ORDER, "if epoch_of(intent.client_order_id) != risk.epoch:", NEVER, EACH),
    "4 level": (
        ORDER,
        "if intent.level < 0 or intent.level >= LINES_MAX:",
        NEVER,
        f"{CHECKS}::test_a_ladders_child_replaces_the_order_of_its_line_once_that_has_ended",
    ),
    "4 price": (ORDER, "if intent.price_ticks < 1 or intent.price_ticks > TICKS_MAX:", NEVER, EACH),
    "4 least size": (ORDER, "if intent.size_lots < limits.size_lots_min:", NEVER, EACH),
    "4 greatest size": (
        ORDER,
        "if intent.size_lots > limits.size_lots_max or intent.size_lots > LOTS_MAX:",
        NEVER,
        EACH,
    ),
    "4 least notional": (ORDER, "if intent.price_ticks * intent.size_lots < limits.notional_units_min:", NEVER, EACH),
    "5 id used": (ORDER, "if number <= newest:", NEVER, ID),
    "5 slot taken": (ORDER, "if is_live(risk.orders[intent.order_slot].state):", NEVER, ID),
    "6 same order": (ORDER, "        if same and recent.market == market:\n            return True\n", "", SAME),
    "6 what is forgotten": (
        ORDER,
        "            return True\n    return True\n",
        "            return True\n    return False\n",
        SAME,
    ),
    "6 a line's own order": (
        ORDER,
        "    if intent.flags & OrderFlag.LADDER_CHILD:\n        lines",
        "    if intent.flags & OrderFlag.LADDER_CHILD:\n        return False\n        lines",
        f"{CHECKS}::test_a_ladders_child_replaces_the_order_of_its_line_once_that_has_ended",
    ),
    "7 size": (ORDER, "if intent.size_lots > limits.order_lots_max:", NEVER, EACH),
    "8 notional": (ORDER, "if units > limits.notional_units_max:", NEVER, EACH),
    "9 reference": (MARKET, "if not (mid2 > 0 and age_ns <= age_ns_max):", NEVER, NOTHING),
    "9 a book that is not LIVE": (
        MARKET,
        "if symbol.top.state != BookState.LIVE or age_ns > age_ns_max",
        "if False",
        MARK,
    ),
    "9 age of the venue's mark": (
        MARKET,
        "        age_ns_max = limits.mark_age_ns_max\n",
        "        age_ns = 0\n",
        MARK,
    ),
    "9 collar": (MARKET, "if away * BPS_MAX > mid2 * limits.price_collar_bps:", NEVER, EACH),
    "9 travel": (
        MARKET,
        "if gone2 * BPS_MAX > low2 * limits.price_travel_bps:",
        NEVER,
        f"{CHECKS}::test_price_travel_looks_back_a_minute",
    ),
    "10 state of the book": (
        MARKET,
        "if symbol.top.state != BookState.LIVE:",
        NEVER,
        f"{RISK}::test_a_book_that_is_not_live_is_refused",
    ),
    "10 age of the book": (
        MARKET,
        "if age_ns > limits.book_age_ns_max:",
        NEVER,
        f"{RISK}::test_an_old_book_is_refused_after_exactly_its_limit",
    ),
    "10 the venue's time": (
        MARKET,
        "if event_age_ns > limits.event_age_ns_max:",
        NEVER,
        f"{CHECKS}::test_the_venues_own_time_is_held_against_the_least_delay_seen",
    ),
    "10 crossed": (MARKET, "if bid < 1 or ask <= bid or ask > TICKS_MAX:", "if bid < 1 or ask > TICKS_MAX:", BROKEN),
    "10 one side": (MARKET, "if bid < 1 or ask <= bid or ask > TICKS_MAX:", "if bid >= 1 and ask <= bid:", BROKEN),
    "10 the decision's book": (
        MARKET,
        "if abs(symbol.top.epoch - intent.book_epoch) > limits.book_epochs_max:",
        NEVER,
        f"{CHECKS}::test_a_decision_on_another_book_is_refused",
    ),
    "10 pulled": (MARKET, "        if held_ns > 0:\n", "        if False:\n", HELD),
    "11 a buy that crosses": (MARKET, "if intent.side > 0 and intent.price_ticks >= touch_ask(symbol):", NEVER, EACH),
    "11 a sale that crosses": (MARKET, "if intent.side < 0 and intent.price_ticks <= touch_bid(symbol):", NEVER, EACH),
    "12 own order, sales": (EXPOSED, _BUYS_BEST, "        if False:\n", SELF),
    "12 own order, buys": (
        EXPOSED,
        _SELLS_BEST,
        "        if False:\n",
        f"{RISK}::test_a_buy_does_not_meet_an_own_sale",
    ),
    "13 orders of a symbol": (EXPOSED, "if live >= limits.open_orders_max:", NEVER, COUNTED),
    "13 orders of a side": (EXPOSED, "if count >= limits.open_orders_side_max:", NEVER, COUNTED),
    "13 orders of the account": (EXPOSED, "if risk.open_orders >= bounds.orders_max:", NEVER, COUNTED),
    "14 open notional": (
        EXPOSED,
        "if open_e8 > bounds.open_e8_max:",
        NEVER,
        f"{CHECKS}::test_open_notional_is_what_is_left_at_the_orders_own_prices",
    ),
    "15 position": (
        EXPOSED,
        "if worst > limits.position_lots_max:",
        NEVER,
        f"{RISK}::test_the_worst_case_of_each_side_is_held_to_the_position_limit",
    ),
    "15 position without what rests": (
        SUMS,
        "return symbol.position.lots + symbol.buys.leaves_lots",
        "return symbol.position.lots",
        f"{RISK}::test_the_worst_case_of_each_side_is_held_to_the_position_limit",
    ),
    "15 position at the mark": (EXPOSED, "if worst * symbol.mark2_ticks > limits.position_units2_max:", NEVER, WORST),
    "15 the account's worst case": (EXPOSED, "if change_e8 > 0 and worst_e8 > bounds.worst_e8_max:", NEVER, WORST),
    "16 age of the balance": (
        EXPOSED,
        "if not (risk.balance_ns != 0 and age_ns <= bounds.balance_age_ns_max):",
        NEVER,
        MARGIN,
    ),
    "16 margin": (EXPOSED, "if change_e8 > 0 and worst_e8 > risk.margin_worst_e8_max:", NEVER, MARGIN),
    "17 pace": (
        EXPOSED,
        "if ahead_ns > bounds.order_burst_ns:",
        NEVER,
        f"{CHECKS}::test_the_pace_allows_a_burst_and_then_so_many_a_second",
    ),
    **LATCHES_AND_SUMS,
}
