"""Distributions of returns on 2^6 cells, held as amplitudes: the square roots of their probabilities, of length 1.

The overlap of two such vectors is Bhattacharyya's coefficient; its square, the fidelity, is 1 for equal distributions
and 0 for those that share no cell. 1 - fidelity is a regime-change score that needs no model of either.

    z = return / scale             cell = 32 + 32 z / (1 + |z|)         all of the line, finest around 0
    weight of a cell               what fell into it, each less by `decay` than the next; O(1): the newest weighs more
    amplitude = sqrt(weight / total)

Two samples of one distribution differ too: with m cells in use and n1, n2 values the expected 1 - fidelity is about
(m - 1) / 4 (1 / n1 + 1 / n2), which `regime_change` takes off. Bhattacharyya (1943); Wootters, Physical Review D 23
(1981).

States live in a pool that is made once:    free --take--> taken --give_back--> free
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.signals.plane import vector

CELLS = 64
POOL_STATES = 1_000
NONE = -1
UNIT_MAX = 1e100

AMPLITUDES = np.dtype(
    [
        ("amplitude", "f8", (CELLS,)),
        ("weight", "f8", (CELLS,)),
        ("scale", "f8"),
        ("growth", "f8"),
        ("unit", "f8"),
        ("total", "f8"),
        ("total_squares", "f8"),
        ("count", "i8"),
        ("taken", "i8"),
        ("spare", "i8"),
    ],
    align=True,
)
"""`amplitude` and `weight`: 1 kB. `growth`: 1 / decay; `unit`: weight of the next value."""

POOL = np.dtype(
    [
        ("free_count", "i8"),
        ("exhausted", "i8"),
        ("refused", "i8"),
        ("free", "i8", (POOL_STATES,)),
        ("states", AMPLITUDES, (POOL_STATES,)),
    ],
    align=True,
)
"""`exhausted`: takes that found nothing free; `refused`: givings back of what was not taken."""


@kernel
def format_pool(pool):
    """Make all states of a pool free (cold)."""
    pool.free_count = POOL_STATES
    for index in range(POOL_STATES):
        pool.free[index] = POOL_STATES - 1 - index
        pool.states[index].taken = 0


@kernel
def take(pool, scale, decay):
    """The index of an empty state, or NONE. `scale`: return of one unit, above 0; `decay`: above 0, at most 1."""
    if pool.free_count == 0:
        pool.exhausted += 1
        return NONE
    pool.free_count -= 1
    index = pool.free[pool.free_count]
    state = pool.states[index]
    state.taken = 1
    clear(state, scale, decay)
    return index


@kernel
def give_back(pool, index):
    """Free a state; what is not taken, or no index, is refused and counted."""
    if index < 0 or index >= POOL_STATES or pool.states[index].taken == 0:
        pool.refused += 1
        return
    pool.states[index].taken = 0
    pool.free[pool.free_count] = index
    pool.free_count += 1


@kernel
def clear(state, scale, decay):
    """Empty a state."""
    for cell in range(CELLS):
        state.amplitude[cell] = 0.0
        state.weight[cell] = 0.0
    state.scale = scale
    state.growth = 1.0 / decay
    state.unit = 1.0
    state.total = 0.0
    state.total_squares = 0.0
    state.count = 0


@inlined
def cell_of(z):
    """The cell, 0 to CELLS - 1, of a standardised return; NaN is in none (NONE)."""
    half = 0.5 * CELLS
    if z != z:
        return NONE
    place = half + half * z / (1.0 + abs(z)) if abs(z) < 1e300 else (CELLS - 1.0 if z > 0.0 else 0.0)
    return min(int(place), CELLS - 1)


@kernel
def observe_return(state, value):
    """Take one return, in the unit of `scale`; NaN is missing."""
    cell = cell_of(value / state.scale)
    if cell == NONE:
        return
    state.weight[cell] += state.unit
    state.total += state.unit
    state.total_squares += state.unit * state.unit
    state.count += 1
    state.unit *= state.growth
    if state.unit > UNIT_MAX:
        _shrink(state)


@kernel
def _shrink(state):
    """All weights in a smaller unit: only their ratios count."""
    never_inlined()
    share = 1.0 / state.unit
    for cell in range(CELLS):
        state.weight[cell] *= share
    state.total *= share
    state.total_squares *= share * share
    state.unit = 1.0


@vector
def settle(state):
    """Bring the amplitudes up to the weights."""
    share = 1.0 / state.total if state.total > 0.0 else 0.0
    for cell in range(CELLS):
        state.amplitude[cell] = math.sqrt(state.weight[cell] * share)


@vector
def fidelity(a, b):
    """Squared overlap of two settled states: 0 to 1, and 1 only for equal distributions; 0 while one is empty."""
    overlap = 0.0
    for cell in range(CELLS):
        overlap += a.amplitude[cell] * b.amplitude[cell]
    return min(overlap * overlap, 1.0)


@kernel
def effective_count(state):
    """How many equally weighted values a state's are worth."""
    return state.total * state.total / state.total_squares if state.total_squares > 0.0 else 0.0


@kernel
def regime_change(base, current):
    """1 - fidelity of two settled states less what samples of one would show: 0 to 1; 0 while one is empty."""
    if base.count == 0 or current.count == 0:
        return 0.0
    used = 0
    for cell in range(CELLS):
        used += 1 if base.weight[cell] > 0.0 or current.weight[cell] > 0.0 else 0
    noise = 0.25 * (used - 1) * (1.0 / effective_count(base) + 1.0 / effective_count(current))
    return max(1.0 - fidelity(base, current) - noise, 0.0)
