"""Tail risk: what pulls the strategy back. Pure kernels, and objects around them for Python.

    from trader.tail_risk import TailRisk, BlackSwanDetector, antifragility_of

`api`              TailRisk, one symbol's engine; WhaleDetector, BlackSwanDetector, AmplitudePool, antifragility_of
`assessment`       shares, level, hysteresis, recommendation; the ring of past assessments
`recommendation`   typed, and able to tighten only
`whale`            large trades             `moments`      mean to kurtosis        `tail`   Hill's index in O(1)
`returns`          windows of the mid       `amplitudes`   distributions as amplitudes, pooled; fidelity
`antifragility`    the position's convexity, after Taleb and Douady                `config` [tail_risk]
"""

from typing import TYPE_CHECKING

from trader.lazy_members import lazy_members
from trader.tail_risk.config import TailRiskConfig as TailRiskConfig

if TYPE_CHECKING:
    from trader.tail_risk.api import AmplitudePool as AmplitudePool
    from trader.tail_risk.api import Antifragility as Antifragility
    from trader.tail_risk.api import Assessment as Assessment
    from trader.tail_risk.api import BlackSwanDetector as BlackSwanDetector
    from trader.tail_risk.api import Swan as Swan
    from trader.tail_risk.api import TailRisk as TailRisk
    from trader.tail_risk.api import Whale as Whale
    from trader.tail_risk.api import WhaleDetector as WhaleDetector
    from trader.tail_risk.api import antifragility_of as antifragility_of

__getattr__ = lazy_members(
    __name__,
    {
        "api": (
            "AmplitudePool",
            "Antifragility",
            "Assessment",
            "BlackSwanDetector",
            "Swan",
            "TailRisk",
            "Whale",
            "WhaleDetector",
            "antifragility_of",
        ),
    },
)
"""A run reads the configuration only, and starts without the rest."""
