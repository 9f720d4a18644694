"""Antifragility after Taleb and Douady: what more volatility does to the position together with its open orders.

The payoff over moves m of the price is that of the position, and of every order that the move runs through:

    f(m) = position m - sum of bids lots (price - m)+ - sum of asks lots (m - price)+        prices from the mid, ticks

At a volatility s the moves are s z, with z on GRID points of a normal density, symmetric:

    convexity gap     E f(s z) - f(0)                              Jensen: above 0 gains by dispersion
    score             gap / E |f(s z) - f(0)|, -1 to 1             fragile below, antifragile above, robust between
    tail sensitivity  d/ds of the mean loss beyond K, its depth counted      their fragility: the left tail's vega
    second difference E f at s (1 + h) - 2 E f at s + E f at s (1 - h)       their heuristic, at the stressed volatility

Taleb and Douady, "Mathematical definition, mapping, and detection of (anti)fragility", Quantitative Finance 13 (2013).
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.signals.plane import vector

GRID = 64
REACH = 6.0
ORDERS_MAX = 128

FRAGILE, ROBUST, ANTIFRAGILE = -1, 0, 1

NODES = (np.arange(GRID) + 0.5) * (2 * REACH / GRID) - REACH
WEIGHTS = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()

EXPOSURE = np.dtype(
    [
        ("position_lots", "f8"),
        ("volatility_ticks", "f8"),
        ("stress", "f8"),
        ("loss", "f8"),
        ("robust", "f8"),
        ("order_count", "i8"),
        ("order_ticks", "f8", (ORDERS_MAX,)),
        ("order_lots", "f8", (ORDERS_MAX,)),
        ("gap", "f8"),
        ("score", "f8"),
        ("tail_sensitivity", "f8"),
        ("second_difference", "f8"),
        ("kind", "i8"),
        ("means", "f8", (3,)),
        ("tails", "f8", (3,)),
        ("payoff", "f8", (3, GRID)),
    ],
    align=True,
)
"""What is judged, down to `order_lots`, and what is found. Money is in ticks x lots.

`volatility_ticks`: deviation of the moves that are looked at, above 0; `stress`: h, above 0 and below 1; `loss`: K, 0
or more; `robust`: scores within it are ROBUST; order prices less the mid, lots above 0 for bids and below 0 for asks.
`payoff`, `means`, `tails`: f at s (1 - h), s and s (1 + h), its mean, and its mean loss beyond K."""


@vector
def fill_payoff(exposure):
    """f on the grid for the position and its orders, at the three volatilities."""
    for row in range(3):
        scale = exposure.volatility_ticks * (1.0 + (row - 1) * exposure.stress)
        payoff = exposure.payoff[row]
        for node in range(GRID):
            payoff[node] = exposure.position_lots * scale * NODES[node]
        for index in range(min(exposure.order_count, ORDERS_MAX)):
            price, lots = exposure.order_ticks[index], exposure.order_lots[index]
            for node in range(GRID):
                through = lots * (scale * NODES[node] - price)
                payoff[node] += min(through, 0.0)


@vector
def judge_payoff(exposure):
    """Judge what `payoff` holds, with f(0) = 0; the score, 0 where nothing can be won or lost."""
    means, tails = exposure.means, exposure.tails
    spread = 0.0
    for row in range(3):
        mean, tail = 0.0, 0.0
        for node in range(GRID):
            value = exposure.payoff[row, node]
            mean += WEIGHTS[node] * value
            tail -= WEIGHTS[node] * (value if value < -exposure.loss else 0.0)
        means[row] = mean
        tails[row] = tail
    for node in range(GRID):
        spread += WEIGHTS[node] * abs(exposure.payoff[1, node])
    exposure.gap = means[1]
    exposure.score = means[1] / spread if spread > 0.0 else 0.0
    exposure.second_difference = means[2] - 2.0 * means[1] + means[0]
    width = 2.0 * exposure.stress * exposure.volatility_ticks
    exposure.tail_sensitivity = (tails[2] - tails[0]) / width if width > 0.0 else 0.0
    exposure.kind = ROBUST
    if abs(exposure.score) > exposure.robust:
        exposure.kind = ANTIFRAGILE if exposure.score > 0.0 else FRAGILE
    return exposure.score


@kernel
def antifragility(exposure):
    """Judge a position with its open orders; the score, -1 to 1. Not finite or no volatility: 0."""
    if not (exposure.volatility_ticks > 0.0 and exposure.volatility_ticks < math.inf):
        exposure.score = exposure.gap = exposure.tail_sensitivity = exposure.second_difference = 0.0
        exposure.kind = ROBUST
        return 0.0
    fill_payoff(exposure)
    return judge_payoff(exposure)
