"""Advice: what a tail-risk engine recommends. It may only tighten what is configured, never loosen it.

    size_permille     every limit of size and notional is multiplied by this thousandth: 0 to 1000
    spread_permille   a resting order stands at least so many thousandths of the half spread away from the mid: 1000 on
    halt              1: nothing is quoted until a person re-arms

Limits in force are always computed from the configured ones, so that advice can be withdrawn and never adds up.
Whatever the words say (negative, huge), what comes out lies between nothing and what is configured.
"""

import numpy as np

from shm.kernel import inlined, kernel

WHOLE = 1_000
SPREAD_MAX = 100 * WHOLE

ADVICE = np.dtype([("size_permille", "i8"), ("spread_permille", "i8"), ("halt", "i8")], align=True)
"""A recommendation. `NONE`: 1000, 1000, 0."""


@kernel
def clear_advice(advice):
    """Recommend nothing."""
    advice.size_permille = WHOLE
    advice.spread_permille = WHOLE
    advice.halt = 0


@inlined
def scaled(limit, permille):
    """A share of a limit of 0 to 2 ** 62, rounded down; no product leaves int64."""
    return limit // WHOLE * permille + limit % WHOLE * permille // WHOLE


@kernel
def take_advice(own, advice):
    """Keep a recommendation, its words brought into their ranges."""
    own.size_permille = min(max(advice.size_permille, 0), WHOLE)
    own.spread_permille = min(max(advice.spread_permille, WHOLE), SPREAD_MAX)
    own.halt = 0 if advice.halt == 0 else 1


@kernel
def tighten(limits, configured, permille):
    """Fill the limits in force: sizes shrink, everything else is as configured. `permille`: 0 to WHOLE."""
    limits.order_lots_max = scaled(configured.order_lots_max, permille)
    limits.notional_units_max = scaled(configured.notional_units_max, permille)
    limits.position_lots_max = scaled(configured.position_lots_max, permille)
    limits.position_units2_max = scaled(configured.position_units2_max, permille)
