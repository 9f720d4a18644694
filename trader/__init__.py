"""Prices, orders, beliefs: pure compiled kernels, in the order in which a message meets them.

    messages        every message between stages, once
    enums           integer codes that messages and kernels share
    instrument      tick, lot and minimum sizes of a symbol
    units           prices and sizes in integers, and money
    ranges          values of a configuration against what they are allowed
    pacing          token buckets: how often a venue is asked, by endpoint
    venues          what venues write on the wire: bytes to numbers, orders to bytes

    feed            market frames in, deltas out; snapshots, gaps, resynchronisation
    book            price ladder that proves itself against the venue's best quotes
    volatility      what is believed of the volatility
    signals         what the strategy sees: indicators, panic, forecasts, the signal plane
    tail_risk       whales, extremes, regimes, antifragility: recommendations that can only tighten
    strategy        two-sided quotes from book, belief and position; the door for a user's own
    risk            every intent in, approved orders out; nothing else may emit one
    router          orders, cancels and executions, spoken with the venue
    orders          life of an order as a table of allowed transitions
    position        position, average price and profit from unique fills

    exchange        the simulated venue; shares no code with what it checks

Time, bytes and seeds arrive as arguments: nothing here knows a clock, a file, a socket or a process. Of
`shm` only the compile policy (`shm.kernel`) is imported.
"""
