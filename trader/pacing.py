"""Pacing: one token bucket an endpoint, in integers; the router's requests and the feed's. Pure.

    allowance   depth_ns |-------- usable by orders --------|-- reserve --|   0
                a bucket that is full              cancels and queries go this far

A bucket is one number: the time at which it would be full again. A token moves it `interval_ns` further, waiting
moves time towards it; so in any window no more pass than burst + window / interval. What is no order may use the
reserve as well, so that orders never take the last tokens. A venue's Retry-After stops every endpoint until it is over.
"""

from enum import IntEnum

import msgspec
import numpy as np

from shm.kernel import inlined

SECOND_NS = 1_000_000_000
RETRY_AFTER_UNIT = 1_000
"""`status` of a REST reply is the HTTP status plus this times the seconds of its Retry-After."""

RATE_MAX = 1_000_000.0
BURST_MAX = 1_000_000


class Endpoint(IntEnum):
    """What is counted together."""

    MARKET_DATA = 0
    HISTORICAL = 1
    ORDERS = 2
    ACCOUNT = 3
    EXECUTIONS = 4


class PacingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[router.pacing]: requests a second, and at once, for each endpoint; those of the market data are the feed's.

    orders_reserve: share of the orders' burst that only cancels and queries may use, 0.2 at least.
    retry_ms: how long an order may wait for a token; 0: it is denied at once. Cancels, queries and requests wait
    as long as it takes.
    """

    market_data_per_s: float = 50.0
    market_data_burst: int = 100
    historical_per_s: float = 0.1
    historical_burst: int = 60
    orders_per_s: float = 40.0
    orders_burst: int = 50
    account_per_s: float = 1.0
    account_burst: int = 5
    executions_per_s: float = 10.0
    executions_burst: int = 20
    orders_reserve: float = 0.2
    retry_ms: int = 10

    def problems(self) -> list[str]:
        """What is out of range: key, what was found, what is allowed. Empty when all is well."""
        found = []
        for name in (endpoint.name.lower() for endpoint in Endpoint):
            rate, burst = getattr(self, f"{name}_per_s"), getattr(self, f"{name}_burst")
            if not 0.001 <= rate <= RATE_MAX:
                found.append(f"router.pacing.{name}_per_s: found {rate:g}, allowed 0.001 to {RATE_MAX:g}")
            if not 1 <= burst <= BURST_MAX:
                found.append(f"router.pacing.{name}_burst: found {burst}, allowed 1 to {BURST_MAX}")
        if not 0.2 <= self.orders_reserve <= 0.9:
            found.append(f"router.pacing.orders_reserve: found {self.orders_reserve:g}, allowed 0.2 to 0.9")
        if self.orders_burst < 5:
            found.append(f"router.pacing.orders_burst: found {self.orders_burst}, allowed 5 at least, for the reserve")
        if not 0 <= self.retry_ms <= 10_000:
            found.append(f"router.pacing.retry_ms: found {self.retry_ms}, allowed 0 to 10000")
        return found


BUCKET = np.dtype(
    [
        ("full_ns", "i8"),  # when it is, or was, full again
        ("interval_ns", "i8"),  # of one token
        ("depth_ns", "i8"),  # of the whole burst
        ("reserve_ns", "i8"),
        ("passed", "i8"),
        ("refused", "i8"),
    ],
    align=True,
)
"""With its three lengths set, zeroed memory is a full bucket. `passed`: tokens taken; `refused`: times that none was
there, be it that the request went later (`await_token`)."""

PACER = np.dtype(
    [
        ("held_until_ns", "i8"),  # the venue wants to hear nothing before
        ("orders_held_until_ns", "i8"),  # it wants to hear no new order before; never less than the other
        ("holds", "i8"),
        ("buckets", BUCKET, (len(Endpoint),)),
    ],
    align=True,
)


def fill_pacer(pacer: np.ndarray, config: PacingConfig) -> None:
    """Set the lengths of a zeroed PACER (cold). Intervals are rounded up: never faster than configured."""
    for endpoint in Endpoint:
        name, bucket = endpoint.name.lower(), pacer["buckets"][endpoint]
        burst = getattr(config, f"{name}_burst")
        interval_ns = int(-(-SECOND_NS // getattr(config, f"{name}_per_s")))
        bucket["interval_ns"] = interval_ns
        bucket["depth_ns"] = burst * interval_ns
        if endpoint == Endpoint.ORDERS:
            bucket["reserve_ns"] = int(-(-burst * config.orders_reserve // 1)) * interval_ns


@inlined
def take_token(bucket, reserve_ns, now_ns):
    """1, and a token is gone, if one is left above `reserve_ns`; else 0."""
    full_ns = max(bucket.full_ns, now_ns) + bucket.interval_ns
    if full_ns - now_ns > bucket.depth_ns - reserve_ns:
        bucket.refused += 1
        return 0
    bucket.full_ns = full_ns
    bucket.passed += 1
    return 1


@inlined
def await_token(pacer, endpoint, now_ns):
    """Take an endpoint's next token, whether it is there or still to come: the nanoseconds until it may be used."""
    bucket = pacer.buckets[endpoint]
    bucket.full_ns = max(bucket.full_ns, now_ns) + bucket.interval_ns
    bucket.passed += 1
    due_ns = max(bucket.full_ns - bucket.depth_ns, pacer.held_until_ns)
    if due_ns <= now_ns:
        return 0
    bucket.refused += 1
    return due_ns - now_ns


@inlined
def token_due_ns(pacer, endpoint, reserve_ns):
    """When a token can be taken above `reserve_ns` of an endpoint; past, if one is there already."""
    bucket = pacer.buckets[endpoint]
    return max(bucket.full_ns + bucket.interval_ns - bucket.depth_ns + reserve_ns, pacer.held_until_ns)


@inlined
def may_place(pacer, now_ns):
    """Take a token for a new order: 1, or 0 where none is left above the reserve or the venue wants silence."""
    if now_ns < pacer.orders_held_until_ns:
        return 0
    bucket = pacer.buckets[Endpoint.ORDERS]
    return take_token(bucket, bucket.reserve_ns, now_ns)


@inlined
def may_ask(pacer, endpoint, now_ns):
    """Take a token for anything else, a cancel or a query with Endpoint.ORDERS: 1 or 0."""
    if now_ns < pacer.held_until_ns:
        return 0
    return take_token(pacer.buckets[endpoint], 0, now_ns)


@inlined
def hold(pacer, until_ns):
    """The venue's Retry-After: nothing leaves before, whatever else is due."""
    pacer.held_until_ns = max(pacer.held_until_ns, until_ns)
    hold_orders(pacer, until_ns)


@inlined
def hold_orders(pacer, until_ns):
    """The same for new orders only: there were too many of them, and cancels are not counted with them."""
    pacer.holds += 1
    pacer.orders_held_until_ns = max(pacer.orders_held_until_ns, until_ns)
