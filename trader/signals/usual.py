"""What is usual in a market, learned in short blocks of its own clock: what the panic detector measures everything by.

    |-- block --|-- block --|-- block --|
    move        moved         moved         bps from one end to the next      variance a second
    flow        + + - +       -             lots, buyers' less sellers'       variance a second
    spread, depth             ______        means over the block's time       mean, and how far blocks are from it

How far a level x is from its mean u is its distance (x - u) / (x + u), in [-1, 1]: a third at twice the mean, and what
is absurdly far counts as 1. A block counts with its length: u += (length / min(seen, horizon)) (x - u), a mean over all
time while that is short. What is far out counts only as far as LEVEL_MAX times the mean and CLIP deviations, so that a
minute of madness does not become usual; and while a panic lasts nothing is learned (trader.signals.panic).
"""

import math

import numpy as np

from shm.kernel import inlined, kernel

LEVEL_MAX = 4.0
CLIP = 5.0

NS_PER_S = 1e9

USUAL = np.dtype(
    [
        ("block_ns", "i8"),
        ("horizon_ns", "f8"),
        ("warm_ns", "i8"),
        ("variance_min", "f8"),
        ("distance_min", "f8"),
        ("learned_ns", "i8"),
        ("passed_ns", "i8"),
        ("linked_ns", "i8"),
        ("moved_bps", "f8"),
        ("flow_lots", "f8"),
        ("spread_ns", "f8"),
        ("depth_ns", "f8"),
        ("reach_ns", "f8"),
        ("spread_ticks", "f8"),
        ("depth_lots", "f8"),
        ("reach_ticks", "f8"),
        ("move_variance", "f8"),
        ("flow_variance", "f8"),
        ("spread_square", "f8"),
        ("depth_square", "f8"),
        ("per_bps", "f8"),
        ("per_lot", "f8"),
        ("per_spread", "f8"),
        ("per_depth", "f8"),
    ],
    align=True,
)
"""Settings down to `distance_min`: lengths, the smallest variance of moves (bps^2 a second), the smallest deviation of
distances. `learned_ns`: time that was learned from. The open block follows, levels times the time that they stood; then
the usual; then what makes deviations of bps, lots and distances: 1 / the deviation of a second, 0 while unknown."""


@inlined
def is_warm(usual):
    """Whether enough has been seen to judge by."""
    return usual.learned_ns >= usual.warm_ns and usual.learned_ns > 0


@inlined
def distance(level, mean):
    """How far a level, 0 or more, is from its mean: -1 to 1; 0 where both are 0."""
    return (level - mean) / (level + mean) if level + mean > 0.0 else 0.0


@kernel
def learn(usual):
    """Let the open block become part of what is usual."""
    span_ns, linked_ns = float(usual.passed_ns), float(usual.linked_ns)
    spread, depth = usual.spread_ns / linked_ns, usual.depth_ns / linked_ns
    moved, flow = usual.moved_bps * usual.moved_bps, usual.flow_lots * usual.flow_lots
    per_s = NS_PER_S / span_ns
    if is_warm(usual):
        spread = min(spread, LEVEL_MAX * usual.spread_ticks)
        depth = min(max(depth, usual.depth_lots / LEVEL_MAX), LEVEL_MAX * usual.depth_lots)
        moved = min(moved, CLIP * CLIP * max(usual.move_variance, usual.variance_min) / per_s)
        flow = min(flow, CLIP * CLIP * usual.flow_variance / per_s)
    counted_ns = min(usual.passed_ns, int(usual.horizon_ns) // 8)
    usual.learned_ns += counted_ns
    gain = float(counted_ns) / min(float(usual.learned_ns), usual.horizon_ns)
    usual.spread_ticks += gain * (spread - usual.spread_ticks)
    usual.depth_lots += gain * (depth - usual.depth_lots)
    usual.reach_ticks += gain * (usual.reach_ns / linked_ns - usual.reach_ticks)
    usual.move_variance += gain * (moved * per_s - usual.move_variance)
    usual.flow_variance += gain * (flow * per_s - usual.flow_variance)
    away = distance(spread, usual.spread_ticks)
    usual.spread_square += gain * (away * away - usual.spread_square)
    away = distance(depth, usual.depth_lots)
    usual.depth_square += gain * (away * away - usual.depth_square)
    usual.per_bps = 1.0 / math.sqrt(max(usual.move_variance, usual.variance_min))
    usual.per_lot = 1.0 / math.sqrt(usual.flow_variance) if usual.flow_variance > 0.0 else 0.0
    usual.per_spread = 1.0 / max(math.sqrt(usual.spread_square), usual.distance_min)
    usual.per_depth = 1.0 / max(math.sqrt(usual.depth_square), usual.distance_min)


@kernel
def usual_deviation(usual):
    """Usual deviation of the mid, bps per square-root second; 0 while nothing is known."""
    return math.sqrt(usual.move_variance)


@inlined
def begin_block(usual):
    """An empty block, from now on."""
    usual.passed_ns = 0
    usual.linked_ns = 0
    usual.moved_bps = 0.0
    usual.flow_lots = 0.0
    usual.spread_ns = 0.0
    usual.depth_ns = 0.0
    usual.reach_ns = 0.0
