"""Rate limits of the venue: orders in ten seconds, weight in a minute, and the ban of who does not stop.

    within the limit -> over it: 429 until the window ends -> INSISTING more requests all the same: 418 for a while

Windows are fixed, as the venue's are: counts begin anew every ten seconds and every minute.
"""

import numpy as np

from shm.kernel import kernel

WINDOW_ORDERS_NS = 10_000_000_000
WINDOW_WEIGHT_NS = 60_000_000_000
INSISTING = 10
"""Requests over the limit that are still answered 429."""

FINE, TOO_MANY_ORDERS, TOO_MUCH_WEIGHT, BANNED = range(4)

LIMITER = np.dtype(
    [
        ("orders_max", "i8"),  # 0: no limit
        ("weight_max", "i8"),
        ("ban_ns", "i8"),
        ("orders", "i8"),
        ("orders_window", "i8"),  # number of the window that is counted
        ("weight", "i8"),
        ("weight_window", "i8"),
        ("insisted", "i8"),
        ("banned_until_ns", "i8"),
        ("retry_ns", "i8"),  # after a refusal: how long to wait
        ("refusals", "i8"),
        ("bans", "i8"),
    ],
    align=True,
)


@kernel
def admit(limiter, orders, weight, now_ns):
    """Count a request: FINE, or why it is refused; `retry_ns` then tells how long to wait."""
    if now_ns < limiter.banned_until_ns:
        limiter.retry_ns = limiter.banned_until_ns - now_ns
        limiter.refusals += 1
        return BANNED
    if now_ns // WINDOW_ORDERS_NS != limiter.orders_window:
        limiter.orders_window = now_ns // WINDOW_ORDERS_NS
        limiter.orders = 0
    if now_ns // WINDOW_WEIGHT_NS != limiter.weight_window:
        limiter.weight_window = now_ns // WINDOW_WEIGHT_NS
        limiter.weight = limiter.insisted = 0
    limiter.weight += weight
    if limiter.weight_max > 0 and limiter.weight > limiter.weight_max:
        limiter.refusals += 1
        limiter.insisted += 1
        if limiter.insisted > INSISTING:
            limiter.insisted = 0
            limiter.bans += 1
            limiter.banned_until_ns = now_ns + limiter.ban_ns
            limiter.retry_ns = limiter.ban_ns
            return BANNED
        limiter.retry_ns = WINDOW_WEIGHT_NS - now_ns % WINDOW_WEIGHT_NS
        return TOO_MUCH_WEIGHT
    if limiter.orders_max > 0 and limiter.orders + orders > limiter.orders_max:
        limiter.refusals += 1
        limiter.retry_ns = WINDOW_ORDERS_NS - now_ns % WINDOW_ORDERS_NS
        return TOO_MANY_ORDERS
    limiter.orders += orders
    return FINE


@kernel
def lift(limiter):
    """No limit and no ban from now on."""
    limiter.orders_max = limiter.weight_max = limiter.banned_until_ns = 0
