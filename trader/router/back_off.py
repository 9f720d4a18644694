"""Back-off: how long a lost connection waits before it is opened again.

ended after a long life  -> at once, then doubled each time, jittered
ended soon, again        -> the same as if it had been refused: being accepted alone is no success
"""

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.router.state import UP

_RANDOM_FACTOR, _RANDOM_STEP = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@kernel
def note_life(connection, long_ns, now_ns):
    """A connection has ended: count it if it stood, and for less than `long_ns`."""
    if connection.state == UP:
        connection.short_lives = 0 if now_ns - connection.since_ns >= long_ns else connection.short_lives + 1


@kernel
def next_delay_ns(router, connection):
    """Nanoseconds to wait before the next attempt; 0 after the first loss."""
    never_inlined()
    failures = connection.attempts + max(connection.short_lives - 1, 0)
    if failures == 0:
        return 0
    router.reconnects += 1
    longest = min(router.reconnect_ns_min << min(failures - 1, 20), router.reconnect_ns_max)
    router.random = np.int64(np.uint64(router.random) * _RANDOM_FACTOR + _RANDOM_STEP)
    return longest // 2 + ((router.random >> 20) & 0xFFFFFFFF) % (longest // 2 + 1)
