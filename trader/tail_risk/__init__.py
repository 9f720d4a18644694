"""Tail risk: what pulls the strategy back. Pure kernels, and objects around them for Python.

    from trader.tail_risk import TailRisk, BlackSwanDetector, antifragility_of

`api`              TailRisk, one symbol's engine; WhaleDetector, BlackSwanDetector, AmplitudePool, antifragility_of
`assessment`       shares, level, hysteresis, recommendation; the ring of past assessments
`recommendation`   typed, and able to tighten only
`whale`            large trades             `moments`      mean to kurtosis        `tail`   Hill's index in O(1)
`returns`          windows of the mid       `amplitudes`   distributions as amplitudes, pooled; fidelity
`antifragility`    the position's convexity, after Taleb and Douady                `config` [tail_risk]
"""

from trader.tail_risk.api import AmplitudePool as AmplitudePool
from trader.tail_risk.api import Antifragility as Antifragility
from trader.tail_risk.api import Assessment as Assessment
from trader.tail_risk.api import BlackSwanDetector as BlackSwanDetector
from trader.tail_risk.api import Swan as Swan
from trader.tail_risk.api import TailRisk as TailRisk
from trader.tail_risk.api import Whale as Whale
from trader.tail_risk.api import WhaleDetector as WhaleDetector
from trader.tail_risk.api import antifragility_of as antifragility_of
from trader.tail_risk.config import TailRiskConfig as TailRiskConfig
