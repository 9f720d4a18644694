"""Traded volume: lots that change hands in a second, a decaying mean on the venue's clock. Ours are among them.

    rate(t) = sum lots_i d^(t - t_i) / T(t)         d = 2^(-1 / half-life)
    T(t)    = the integral of d^(t - s) over what has been seen, s from the first trade to t

T is what the sum would come to at one lot a second, so the rate is unbiased from the first seconds on instead of
climbing to its level for a half-life. Within its first SEEN_S_MIN seconds nothing is said: 0, which risk refuses.
Trades that were lost on the way leave the rate too low, and so a cost that is reckoned with it too high.
"""

import math

import numpy as np

from shm.kernel import kernel

SEEN_S_MIN = 1.0

VOLUME = np.dtype(
    [
        ("decay_per_ns", "f8"),  # ln 2 over the half-life
        ("event_ns", "i8"),  # of the newest trade, 0 before the first
        ("lots", "f8"),  # what was traded, as it counts at that time
        ("seen_s", "f8"),  # T at that time
    ],
    align=True,
)
"""One symbol's; all zero but for `decay_per_ns` until the first trade."""


def configure_volume(volume: np.void | np.ndarray, half_life_s: float) -> None:
    """Set up one zeroed VOLUME (cold)."""
    volume["decay_per_ns"] = math.log(2.0) / (half_life_s * 1e9)


@kernel
def observe_trade(volume, event_ns, size_lots):
    """Take a trade at a venue time; one from before the newest counts as that."""
    if volume.event_ns == 0:
        volume.event_ns = event_ns
    age_ns = max(event_ns - volume.event_ns, 0)
    kept = math.exp(-volume.decay_per_ns * age_ns)
    volume.seen_s = kept * volume.seen_s + (1.0 - kept) / (volume.decay_per_ns * 1e9)
    volume.lots = kept * volume.lots + size_lots
    volume.event_ns += age_ns


@kernel
def lots_per_s(volume, event_ns):
    """The rate at a venue time; 0 before enough was seen."""
    if volume.event_ns == 0:
        return 0.0
    kept = math.exp(-volume.decay_per_ns * max(event_ns - volume.event_ns, 0))
    seen_s = kept * volume.seen_s + (1.0 - kept) / (volume.decay_per_ns * 1e9)
    return kept * volume.lots / seen_s if seen_s >= SEEN_S_MIN else 0.0
