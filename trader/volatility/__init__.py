"""Volatility: what the price's own movement says of the seconds to come.

`estimate`   incremental realised volatility over event-time windows, with its band
"""

from trader.volatility.estimate import VolatilityConfig as VolatilityConfig
