"""A shock in the order flow: from a moment on the fair price's volatility is multiplied, for a while or for good.

    volatility     ______________________
                  |                      |
    ______________|                      |______________
    opening   shock_at_s     shock_at_s + shock_for_s

It draws no random numbers of its own: up to its beginning a seed's market is the one without it.
"""

import numpy as np

from shm.kernel import kernel
from trader.exchange.config import ExchangeConfig

FOREVER_NS = 1 << 62

SHOCK = np.dtype([(name, "i8") for name in ("at_ns", "for_ns", "from_ns", "until_ns")] + [("factor", "f8")], align=True)
"""`at_ns`: after the opening, 0 for none; `for_ns`: how long; then, once the market is open, the times themselves."""


def prepare_shock(shock: np.void, config: ExchangeConfig) -> None:
    """Set up one zeroed SHOCK (cold)."""
    shock["at_ns"] = round(config.shock_at_s * 1e9)
    shock["for_ns"] = round(config.shock_for_s * 1e9) or FOREVER_NS
    shock["factor"] = config.shock_factor


@kernel
def open_shock(shock, now_ns):
    """The market opens: from now on the moment is known."""
    if shock.at_ns > 0:
        shock.from_ns = now_ns + shock.at_ns
        shock.until_ns = min(shock.from_ns, FOREVER_NS) + min(shock.for_ns, FOREVER_NS)


@kernel
def factor_at(shock, time_ns):
    """By how much volatility is multiplied at a time: 1.0 outside of the shock."""
    return shock.factor if 0 < shock.from_ns <= time_ns < shock.until_ns else 1.0
