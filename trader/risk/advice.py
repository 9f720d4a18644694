"""Advice: what a tail-risk engine recommends. It may only tighten what is configured, never loosen it.

    size_permille     every limit of size and notional is multiplied by this thousandth: 0 to 1000
    spread_permille   a resting order stands at least so many thousandths of the half spread away from the mid: 1000 on
    halt              1: nothing is quoted until a person re-arms

Limits in force are always computed from the configured ones, so that advice can be withdrawn and never adds up.
Whatever the words say (negative, huge), what comes out lies between nothing and what is configured.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined

WHOLE = 1_000
SPREAD_MAX = 100 * WHOLE

ADVICE = np.dtype([("size_permille", "i8"), ("spread_permille", "i8"), ("halt", "i8")], align=True)
"""A recommendation. `NONE`: 1000, 1000, 0."""

ADVISED = np.dtype([("event_ns", "i8"), ("advice", ADVICE)], align=True)
"""What is recommended for one symbol, and when that was, by the venue's clock."""


@kernel
def clear_advice(advice):
    """Recommend nothing."""
    advice.size_permille = WHOLE
    advice.spread_permille = WHOLE
    advice.halt = 0


@inlined
def is_free(advice):
    """Whether a recommendation asks for nothing."""
    return advice.size_permille == WHOLE and advice.spread_permille == WHOLE and advice.halt == 0


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
def join_advice(own, other):
    """Make a recommendation the stricter of both, word by word. Both within their ranges."""
    own.size_permille = min(own.size_permille, other.size_permille)
    own.spread_permille = max(own.spread_permille, other.spread_permille)
    own.halt = max(own.halt, other.halt)


@kernel
def renew_advice(advised, event_ns, advice):
    """Keep a symbol's newest recommendation; one that is older than it can make it stricter only."""
    if event_ns >= advised.event_ns:
        advised.event_ns = event_ns
        take_advice(advised.advice, advice)
        return
    never_inlined()
    size, spread, halt = advised.advice.size_permille, advised.advice.spread_permille, advised.advice.halt
    take_advice(advised.advice, advice)
    advised.advice.size_permille = min(advised.advice.size_permille, size)
    advised.advice.spread_permille = max(advised.advice.spread_permille, spread)
    advised.advice.halt = max(advised.advice.halt, halt)


@kernel
def tighten(limits, configured, permille):
    """Fill the limits in force: sizes shrink, everything else is as configured. `permille`: 0 to WHOLE."""
    limits.order_lots_max = scaled(configured.order_lots_max, permille)
    limits.notional_units_max = scaled(configured.notional_units_max, permille)
    limits.position_lots_max = scaled(configured.position_lots_max, permille)
    limits.position_units2_max = scaled(configured.position_units2_max, permille)
