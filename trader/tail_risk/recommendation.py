"""What an assessment asks of risk: smaller sizes, wider spreads, a halt. Typed so that it can only tighten.

    size_permille     every limit of size times this thousandth          0 to 1000
    spread_permille   every distance from the mid times this thousandth  1000 to SPREAD_MAX
    halt              1: stop quoting                                    0 or 1
    reasons           which of REASONS it was made for                   bits

Several are joined by the strictest of each word, so the order in which they come does not matter, and one more never
loosens. Words that are out of range are read as the nearest one that is in it.
"""

import numpy as np

from shm.kernel import kernel

WHOLE = 1_000
SPREAD_MAX = 100 * WHOLE

WHALE, EXTREME, OUTLOOK, REGIME, PANIC, FRAGILE = (1 << bit for bit in range(6))
REASONS = {WHALE: "whale", EXTREME: "extreme", OUTLOOK: "outlook", REGIME: "regime", PANIC: "panic", FRAGILE: "fragile"}

RECOMMENDATION = np.dtype(
    [("size_permille", "i8"), ("spread_permille", "i8"), ("halt", "i8"), ("reasons", "i8")], align=True
)


@kernel
def recommend_nothing(out):
    """Fill a RECOMMENDATION that changes nothing."""
    out.size_permille = WHOLE
    out.spread_permille = WHOLE
    out.halt = 0
    out.reasons = 0


@kernel
def join(out, other):
    """Make `out` the strictest of both."""
    out.size_permille = max(min(out.size_permille, other.size_permille, WHOLE), 0)
    out.spread_permille = min(max(out.spread_permille, other.spread_permille, WHOLE), SPREAD_MAX)
    out.halt = 1 if out.halt != 0 or other.halt != 0 else 0
    out.reasons |= other.reasons


@kernel
def tightened_size(limit, recommendation):
    """A limit of size, 0 or more, as recommended: never above it, never below 0, rounded down."""
    permille = max(min(recommendation.size_permille, WHOLE), 0)
    whole = limit // WHOLE * permille + limit % WHOLE * permille // WHOLE
    return 0 if recommendation.halt != 0 else whole


@kernel
def widened_distance(ticks, recommendation):
    """A distance from the mid, 0 to 10^12 ticks, as recommended: never nearer, rounded up."""
    permille = min(max(recommendation.spread_permille, WHOLE), SPREAD_MAX)
    return -(-ticks * permille // WHOLE)
