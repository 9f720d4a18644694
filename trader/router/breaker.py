"""Circuit breaker: stops new orders while the venue does not answer. Cancels and queries never ask it. Pure.

    CLOSED --failures in a row--> OPEN --open_ns--> HALF_OPEN --every probe succeeded--> CLOSED
                                   ^                    |
                                   +-- any failed, or was not answered by its deadline

Failures are lost connections, requests without an answer, and 5xx: a venue that says no is well. HALF_OPEN admits
`probes_max` orders in all; each carries the ticket that it was admitted with, and its result is told with it. Results
of what was sent before the breaker opened change nothing any more. Times are monotonic nanoseconds.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined

PROBES_MAX = 16
REFUSED = -1
PLAIN = 0
"""Answers of `admit`: not now; sent as any other. Above 0: a probe's ticket."""

_NO_DEADLINE = (1 << 63) - 1
_INDEX_BITS = 5

assert PROBES_MAX < 1 << _INDEX_BITS


class BreakerState(IntEnum):
    """CLOSED: orders pass. OPEN: none do. HALF_OPEN: a few probes do."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


BREAKER = np.dtype(
    [
        ("state", "i8"),
        ("failures", "i8"),  # in a row, while CLOSED
        ("opened_ns", "i8"),
        ("round", "i8"),  # one more with each HALF_OPEN
        ("probes", "i8"),  # admitted in this round
        ("successes", "i8"),
        ("failures_max", "i8"),
        ("open_ns", "i8"),
        ("probes_max", "i8"),
        ("probe_ns", "i8"),  # a probe's time for its answer
        ("openings", "i8"),  # counts since the start
        ("closings", "i8"),
        ("refused", "i8"),
        ("deadline_ns", "i8", (PROBES_MAX,)),  # of each probe, 0 once it has succeeded
    ],
    align=True,
)
"""Zeroed memory with its four limits set is CLOSED."""


def fill_breaker(breaker: np.ndarray, *, failures: int, open_ns: int, probes: int, probe_ns: int) -> None:
    """Set the limits of a zeroed BREAKER (cold). `probes`: 1 to PROBES_MAX."""
    assert 1 <= probes <= PROBES_MAX and failures >= 1
    breaker["failures_max"] = failures
    breaker["open_ns"] = open_ns
    breaker["probes_max"] = probes
    breaker["probe_ns"] = probe_ns


@inlined
def admit(breaker, now_ns):
    """Whether a new order may be sent: PLAIN, a probe's ticket, or REFUSED."""
    if breaker.state == BreakerState.CLOSED:
        return PLAIN
    return _admit_probe(breaker, now_ns)


@kernel
def _admit_probe(breaker, now_ns):
    never_inlined()
    watch_probes(breaker, now_ns)
    if breaker.state == BreakerState.OPEN and now_ns - breaker.opened_ns >= breaker.open_ns:
        breaker.state = BreakerState.HALF_OPEN
        breaker.round += 1
        breaker.probes = breaker.successes = 0
    if breaker.state != BreakerState.HALF_OPEN or breaker.probes == breaker.probes_max:
        breaker.refused += 1
        return REFUSED
    breaker.deadline_ns[breaker.probes] = now_ns + breaker.probe_ns
    breaker.probes += 1
    return (breaker.round << _INDEX_BITS) | breaker.probes


@kernel
def watch_probes(breaker, now_ns):
    """A probe whose deadline has passed is a failure. To be called with the passing of time."""
    never_inlined()
    if breaker.state != BreakerState.HALF_OPEN:
        return
    first_ns = _NO_DEADLINE
    for index in range(breaker.probes):
        if breaker.deadline_ns[index] != 0:
            first_ns = min(first_ns, breaker.deadline_ns[index])
    if now_ns >= first_ns:
        _open(breaker, now_ns)


@inlined
def _open(breaker, now_ns):
    breaker.state = BreakerState.OPEN
    breaker.opened_ns = now_ns
    breaker.openings += 1
    breaker.failures = 0


@inlined
def _probe_of(breaker, ticket):
    """Index of this round's probe with that ticket, or -1."""
    if ticket <= 0 or ticket >> _INDEX_BITS != breaker.round:
        return -1
    return (ticket & ((1 << _INDEX_BITS) - 1)) - 1


@kernel
def succeed(breaker, ticket):
    """The venue has answered a request that was admitted with `ticket`, however late, whatever it said."""
    if breaker.state == BreakerState.CLOSED:
        breaker.failures = 0
        return
    index = _probe_of(breaker, ticket)
    if breaker.state != BreakerState.HALF_OPEN or index < 0 or breaker.deadline_ns[index] == 0:
        return
    breaker.deadline_ns[index] = 0
    breaker.successes += 1
    if breaker.successes == breaker.probes_max:
        breaker.state = BreakerState.CLOSED
        breaker.failures = 0
        breaker.closings += 1


@kernel
def fail(breaker, ticket, now_ns):
    """A request that was admitted with `ticket` met a transport error or a 5xx, or was not answered in time.

    Returns 1 if that opened the breaker.
    """
    never_inlined()
    if breaker.state == BreakerState.CLOSED:
        breaker.failures += 1
        if breaker.failures < breaker.failures_max:
            return 0
    elif breaker.state != BreakerState.HALF_OPEN:
        return 0
    else:
        index = _probe_of(breaker, ticket)
        if index < 0 or breaker.deadline_ns[index] == 0:
            return 0
    _open(breaker, now_ns)
    return 1
