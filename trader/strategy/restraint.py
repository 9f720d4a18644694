"""Restraint: what signals and tail risk say, kept for the strategy, and what tail risk asks for, done to its quotes.

    lots      becomes lots x size_permille / 1000, rounded down              0 of them is no quote
    distance  becomes the greater of distance x spread_permille / 1000, rounded up, and what risk demands (check 22)

It is done to the quotes of any strategy, after it has spoken; nothing is ever nearer or larger than it said.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.risk.advice import SPREAD_MAX, WHOLE, scaled


def trust(belief: np.void) -> None:
    """Nothing unusual is known yet: a fresh record of the door's SEEN fields (cold)."""
    belief["aggressiveness"] = 1.0
    belief["size_permille"] = belief["spread_permille"] = WHOLE


@kernel
def note_signal(belief, signal):
    """Keep a SignalEstimate; 1 if a panic began or ended."""
    turned = belief.panic != signal.panic
    belief.panic = signal.panic
    belief.panic_confidence = signal.confidence
    belief.panic_direction = signal.direction
    belief.momentum = signal.momentum
    belief.reversion = signal.reversion
    belief.flow = signal.flow
    belief.pressure = signal.pressure
    belief.shift_bps = signal.shift_bps
    belief.aggressiveness = signal.aggressiveness
    return turned


@kernel
def note_advice(belief, advice):
    """Keep a TailRiskAdvice, its words within their ranges."""
    belief.tail_level = advice.level
    belief.size_permille = min(max(advice.size_permille, 0), WHOLE)
    belief.spread_permille = min(max(advice.spread_permille, WHOLE), SPREAD_MAX)
    belief.is_halted = 0 if advice.halt == 0 else 1


@inlined
def is_restrained(belief):
    """Whether anything is asked for."""
    return belief.size_permille < WHOLE or belief.spread_permille > WHOLE or belief.is_halted != 0


@kernel
def restrain(quotes, belief, bid_ticks, ask_ticks):
    """Tighten the strategy's QUOTES around a touch, in ticks, as tail risk asks."""
    permille = belief.spread_permille
    size = 0 if belief.is_halted != 0 else belief.size_permille
    quotes.take_lots = scaled(max(quotes.take_lots, 0), size)
    mid2, least2 = bid_ticks + ask_ticks, _up((ask_ticks - bid_ticks) * permille)
    for level in range(len(quotes.bid_ticks)):
        away2 = max(_up((mid2 - 2 * quotes.bid_ticks[level]) * permille), least2)
        quotes.bid_ticks[level] = (mid2 - away2) // 2
        away2 = max(_up((2 * quotes.ask_ticks[level] - mid2) * permille), least2)
        quotes.ask_ticks[level] = -((-mid2 - away2) // 2)
        quotes.bid_lots[level] = scaled(max(quotes.bid_lots[level], 0), size)
        quotes.ask_lots[level] = scaled(max(quotes.ask_lots[level], 0), size)


@inlined
def _up(thousandths):
    return -(-thousandths // WHOLE)
