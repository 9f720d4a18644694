"""What the market that a router is on changes of its session: read from the instruments, all of one market.

user stream   futures: a path with a listen key.  Spot: an order API connection of its own, which subscribes
position      futures: as the venue says.         Spot: the base asset's balance less what it was at the start
watched       no connection, no order: START and CANCEL_ALL are done at once
"""

from shm.kernel import inlined
from trader.router.state import UP
from trader.venues.markets import SPOT, USDM


@inlined
def market_of(router):
    """Number of the market."""
    return router.instruments[0].market


@inlined
def has_listen_key(router):
    """Whether the user stream needs a key."""
    return router.instruments[0].market == USDM


@inlined
def has_mark(router):
    """Whether the venue has mark prices."""
    return router.instruments[0].market == USDM


@inlined
def may_open_stream(router):
    """Whether what the user stream's path needs is here."""
    return router.listen_key_length > 0 or not has_listen_key(router)


@inlined
def stand_up(connection, now_ns):
    """A connection is ready for use."""
    connection.state = UP
    connection.since_ns = now_ns
    connection.attempts = 0


@inlined
def has_balances(router):
    """Whether positions are balances."""
    return router.instruments[0].market == SPOT


@inlined
def is_watched(router):
    """Whether no order can be sent: market data only."""
    return router.instruments[0].market > SPOT
