"""Risk: limits, the pre-trade checks, and the exposure that they guard.

limits.py     what is allowed: RiskConfig, and its integer form for the kernels
exposure.py   what is at stake: positions, own open orders, reservations; fills and reports change it
pulling.py    quotes that the market leaves behind
checks.py     the decision: every check in order, the first failure wins, a missing input denies
"""
