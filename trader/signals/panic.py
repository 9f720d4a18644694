"""The panic detector: one-sided flow, a spread that blows out, depth that collapses, a price that jumps or runs away.

Each of the four, fast horizon against slow, becomes a ramp s in [0, 1]; together they are a confidence

    c = 1 - product of (1 - weight s)            0 where all is usual, never above 1

    CALM --- c >= enter, and warm ---> PANIC
      ^                                  |
      +--- c < leave for hold_ms --------+

A price jumps where its volatility is a multiple of the usual, and runs where its drift is many usual deviations: a run
in many small steps has no more volatility than calm. The greater of both counts.

The direction is that of the signed flow and of the mid's drift, both as shares of what is usual: 1 up, -1 down.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.config import SignalsConfig
from trader.signals.horizons import FAST, SLOW, ratio, usual

CALM = 0
PANIC = 1

RAMP = np.dtype([("from", "f8"), ("per_unit", "f8"), ("weight", "f8")], align=True)

DETECTOR = np.dtype(
    [
        ("one_sided", RAMP),
        ("surge", RAMP),
        ("spread", RAMP),
        ("depth", RAMP),
        ("volatility", RAMP),
        ("run", RAMP),
        ("variance_min", "f8"),
        ("root_rate", "f8"),
        ("enter", "f8"),
        ("leave", "f8"),
        ("hold_ns", "i8"),
        ("warm_ns", "i8"),
        ("state", "i8"),
        ("direction", "i8"),
        ("confidence", "f8"),
        ("flow_share", "f8"),
        ("spread_share", "f8"),
        ("depth_share", "f8"),
        ("volatility_share", "f8"),
        ("loud_ns", "i8"),
        ("alarms", "i8"),
    ],
    align=True,
)
"""Settings down to `warm_ns`. `state`: CALM or PANIC; `direction`: -1, 0, 1; the shares are the four ramps, 0 to 1;
`loud_ns`: when the confidence was last at `leave` or above; `alarms`: how often CALM became PANIC."""


def configure_detector(detector: np.void, config: SignalsConfig) -> None:
    """Set up one zeroed DETECTOR (cold)."""
    for name, ramp, weight in (
        ("one_sided", config.one_sided, config.weight_flow),
        ("surge", config.surge, 1.0),
        ("spread", config.spread_ratio, config.weight_spread),
        ("depth", config.depth_ratio, config.weight_depth),
        ("volatility", config.volatility_ratio, config.weight_volatility),
        ("run", config.run_deviations, config.weight_volatility),
    ):
        detector[name]["from"] = ramp[0]
        detector[name]["per_unit"] = 1 / (ramp[1] - ramp[0])
        detector[name]["weight"] = weight
    detector["variance_min"] = config.volatility_bps_min**2
    detector["root_rate"] = (2e3 / config.fast_ms) ** 0.5
    detector["enter"] = config.enter
    detector["leave"] = config.leave
    detector["hold_ns"] = int(1e6 * config.hold_ms)
    detector["warm_ns"] = int(1e6 * config.warm_ms)


@inlined
def _climbed(ramp, value):
    return min(max((value - ramp["from"]) * ramp.per_unit, 0.0), 1.0)


@kernel
def detect(detector, horizons):
    """Judge what the horizons hold; the confidence, 0 to 1."""
    if horizons.event_ns - horizons.first_ns < detector.warm_ns:
        return 0.0
    weights, volume = horizons.weight, horizons.volume[FAST]
    fast, slow = weights[FAST], weights[SLOW]
    lean = horizons.signed[FAST] / volume if volume > 0.0 else 0.0
    surge = ratio(volume * slow, horizons.volume[SLOW])
    spread = ratio(horizons.mean_spread[FAST] * slow, horizons.mean_spread[SLOW] * fast)
    depth = ratio(horizons.mean_depth[SLOW] * fast, horizons.mean_depth[FAST] * slow)
    deviations = 1.0 / math.sqrt(max(usual(horizons.variance, weights), detector.variance_min))
    detector.flow_share = _climbed(detector.one_sided, abs(lean)) * _climbed(detector.surge, surge)
    detector.spread_share = _climbed(detector.spread, spread)
    detector.depth_share = _climbed(detector.depth, depth)
    # a sum that forgets by e in T has the deviation of T / 2
    drift = horizons.drift_bps * detector.root_rate * deviations
    jump = _climbed(detector.volatility, math.sqrt(horizons.variance[FAST]) * deviations)
    detector.volatility_share = max(jump, _climbed(detector.run, abs(drift)))
    calm = 1.0 - detector.one_sided.weight * detector.flow_share
    calm *= 1.0 - detector.spread.weight * detector.spread_share
    calm *= 1.0 - detector.depth.weight * detector.depth_share
    calm *= 1.0 - detector.volatility.weight * detector.volatility_share
    detector.confidence = 1.0 - calm
    towards = lean + min(max(drift, -1.0), 1.0)
    detector.direction = 1 if towards > 0.0 else (-1 if towards < 0.0 else 0)
    _change_state(detector, horizons.event_ns)
    return detector.confidence


@inlined
def _change_state(detector, event_ns):
    if detector.confidence >= detector.leave:
        detector.loud_ns = event_ns
    if detector.state == CALM:
        if detector.confidence >= detector.enter:
            detector.state = PANIC
            detector.alarms += 1
    elif event_ns - detector.loud_ns >= detector.hold_ns:
        detector.state = CALM
