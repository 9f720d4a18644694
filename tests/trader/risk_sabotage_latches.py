"""Deliberate bugs in risk from check 18 on: latches, cost, losses, advice; sums and facts; pulled quotes.

See `risk_sabotage`.
"""

CHECKS = "tests.trader.test_risk_checks"
RISK = "tests.trader.test_risk"
LATCHES = "tests.trader.test_risk_latches"
PULLING = "tests.trader.test_risk_pulling"
ORDER, MARKET, EXPOSED = "trader.risk.check_order", "trader.risk.check_market", "trader.risk.check_exposure"
FACTS, LATCH, SUMS = "trader.risk.facts", "trader.risk.latches", "trader.risk.exposure"
ADVICE, PULL = "trader.risk.advice", "trader.risk.pulling"
SELF = f"{RISK}::test_an_own_order_on_the_other_side_is_not_crossed_until_it_has_ended"
COST = f"{CHECKS}::test_an_order_that_takes_is_held_to_its_expected_cost"
ADVISED = f"{CHECKS}::test_advice_tightens_sizes_and_distances_and_is_withdrawn"
EXECUTIONS = f"{LATCHES}::test_more_executions_in_the_window_than_allowed_halt_until_a_person_has_looked"
REJECTS = f"{LATCHES}::test_rejects_in_a_row_halt_and_what_the_market_did_is_none"
LOSS = f"{LATCHES}::test_a_loss_since_the_day_began_reduces_then_halts_at_the_worse_touch"
THROUGH = f"{PULLING}::test_the_touch_runs_through_a_quote_by_more_than_the_limit"
JUMP = f"{PULLING}::test_the_mid_goes_farther_than_the_estimate_foresees"
NEVER = "if False:"
STREAK = "halt(risk, HaltCause.REJECTS) if risk.reject_streak >= risk.bounds.rejects_max else NO_REACTION"
_MID = "    worse_e8 = risk.pnl_e8\n    if now"

BUGS: dict[str, tuple[str, str, str, str]] = {
    "18 executions": (
        LATCH,
        "if risk.execution_count > most and now_ns - oldest_ns <= risk.bounds.executions_window_ns:",
        NEVER,
        EXECUTIONS,
    ),
    "18 executions of any time": (LATCH, " and now_ns - oldest_ns <= risk.bounds.executions_window_ns", "", EXECUTIONS),
    "19 rejects": (LATCH, STREAK, "NO_REACTION", REJECTS),
    "19 the streak": (
        FACTS,
        "    if report.kind == ReportKind.ACK:\n        risk.reject_streak = 0\n    elif",
        "    if",
        REJECTS,
    ),
    "20 cost": (MARKET, "if not (cost_bps <= symbol.limits.slippage_bps_max):", NEVER, COST),
    "20 what is no number": (
        MARKET,
        "if not (cost_bps <= symbol.limits.slippage_bps_max):",
        "if cost_bps > symbol.limits.slippage_bps_max:",
        COST,
    ),
    "20 the book's walk": (
        "trader.slippage",
        "return max(walked, ",
        "return max(0.0, ",
        f"{CHECKS}::test_the_walk_through_a_thin_book_costs_more_than_its_impact",
    ),
    "20 orders that may rest": (
        MARKET,
        "if intent.time_in_force != TimeInForce.POST_ONLY:\n        reason",
        "if intent.time_in_force == TimeInForce.IMMEDIATE_OR_CANCEL:\n        reason",
        COST,
    ),
    "21 soft loss": (LATCH, "return reduce_only(risk, HaltCause.LOSS)", "return NO_REACTION", LOSS),
    "21 hard loss": (LATCH, "    if worse_e8 >= risk.hard_floor_e8:\n", "    if True:\n", LOSS),
    "21 the mid instead of the worse touch": (
        LATCH,
        "    worse_e8 = risk.pnl_e8 - risk.touch_cost_e8\n    if now",
        _MID,
        LOSS,
    ),
    "21 the latch": (LATCH, "    if risk.halts != 0:\n", "    if False:\n", LOSS),
    "21 drawdown": (
        LATCH,
        "    if worse_e8 > risk.peak_e8:\n",
        "    if False:\n",
        f"{LATCHES}::test_a_drawdown_from_the_days_best_does_the_same",
    ),
    "21 the day": (
        LATCH,
        "    if risk.day_end_ns != 0:\n",
        "    if False:\n",
        f"{LATCHES}::test_a_new_day_begins_a_new_count_and_takes_no_latch_off",
    ),
    "21 where the fill arrives": (
        FACTS,
        "return max(count_execution(risk, now_ns), judge_losses(risk, now_ns))",
        "return count_execution(risk, now_ns)",
        f"{LATCHES}::test_a_losing_fill_is_judged_where_it_arrives",
    ),
    "22 advised distance": (MARKET, "        if away2 < least2:\n", "        if False:\n", ADVISED),
    "22 advised size": (
        "trader.risk.advice",
        "limits.order_lots_max = scaled(configured.order_lots_max, permille)",
        "limits.order_lots_max = configured.order_lots_max",
        ADVISED,
    ),
    "22 advised halt": (
        FACTS,
        "return halt(risk, HaltCause.TAIL_RISK) if risk.advice.halt != 0 else NO_REACTION",
        "return NO_REACTION",
        ADVISED,
    ),
    "22 advice that loosens": (
        ADVICE,
        "own.size_permille = min(max(advice.size_permille, 0), WHOLE)",
        "own.size_permille = max(advice.size_permille, 0)",
        f"{CHECKS}::test_advice_never_loosens_a_limit",
    ),
    "reserved at approval": (
        SUMS,
        "_add_leaves(risk, symbol, symbol.buys, intent.size_lots, intent.price_ticks)",
        "_add_leaves(risk, symbol, symbol.buys, 0, intent.price_ticks)",
        f"{RISK}::test_the_worst_case_of_each_side_is_held_to_the_position_limit",
    ),
    "released by a terminal fact only": (
        FACTS,
        "        if is_live(report.state):\n",
        "        if report.state == OrderState.OPEN:\n",
        SELF,
    ),
    "a fill is booked once": (
        FACTS,
        "    if not remember_fill(risk.fill_set, market, report.trade_id, report.venue_order_id):\n",
        "    if False:\n",
        f"{RISK}::test_duplicate_and_late_fills_are_booked_once",
    ),
    "an overfill halts": (
        FACTS,
        "        if order.filled_lots > order.size_lots:\n",
        "        if False:\n",
        f"{RISK}::test_an_overfill_is_booked_and_halts",
    ),
    "another position halts": (
        FACTS,
        "return halt(risk, HaltCause.POSITION_MISMATCH)",
        "return NO_REACTION",
        f"{RISK}::test_the_first_reconciliation_sets_the_position_and_a_later_difference_halts",
    ),
    "what arrives after a halt is cancelled": (
        FACTS,
        "    if reaction == NO_REACTION and is_late",
        "    if False and is_late",
        f"{RISK}::test_halt_latches_and_cancels_what_reaches_the_venue_late",
    ),
    "pull, bids run through": (
        PULL,
        "    if _note_through(risk, symbol, symbol.buys.first):\n",
        "    if False:\n",
        THROUGH,
    ),
    "pull, asks run through": (
        PULL,
        "    if _note_through(risk, symbol, symbol.sells.first):\n",
        "    if False:\n",
        THROUGH,
    ),
    "pull, the limit": (PULL, "    if left_ticks <= pull.allowed:\n", "    if left_ticks < 0:\n", THROUGH),
    "pull, our own touch": (
        PULL,
        "        if sizes[level] > own_lots:\n",
        "        if True:\n",
        f"{PULLING}::test_a_touch_that_is_our_own_order_is_no_market",
    ),
    "pull, better than the touch": (
        PULL,
        "min(order.price_ticks, order.touch_ticks)",
        "order.price_ticks",
        f"{PULLING}::test_a_quote_that_betters_the_touch_counts_from_the_touch_that_it_was_approved_at",
    ),
    "pull, once": (
        PULL,
        "    if order.pulled != 0:\n",
        "    if False:\n",
        f"{PULLING}::test_what_was_pulled_is_not_pulled_again_and_neither_is_what_has_ended",
    ),
    "pull, a jump": (
        PULL,
        "    if gone2 > pull.move2_ticks_max and gone2 > 2 * (ask - bid):\n",
        "    if False:\n",
        JUMP,
    ),
    "pull, a jump upwards": (PULL, ", mid2 - min(pull.low2, pull.past_low2))", ", 0)", JUMP),
    "pull, a jump downwards": (PULL, "max(max(pull.high2, pull.past_high2) - mid2, ", "max(0, ", JUMP),
    "pull, the window": (
        PULL,
        "    if symbol.top.event_ns >= pull.turn_ns:\n",
        "    if False:\n",
        f"{PULLING}::test_the_same_move_over_a_longer_time_is_none",
    ),
    "pull, the spread": (
        PULL,
        " and gone2 > 2 * (ask - bid)",
        "",
        f"{PULLING}::test_a_move_within_the_spread_is_none_and_nothing_is_judged_without_an_estimate",
    ),
    "pull, one side of two": (
        PULL,
        "    symbol.buys.held_until_ns = symbol.sells.held_until_ns = now_ns",
        "    symbol.buys.held_until_ns = now_ns",
        f"{PULLING}::test_a_jump_holds_both_sides_and_starts_its_count_anew",
    ),
}
