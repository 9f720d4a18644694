"""Paces recorded lines out: each when it was recorded, faster by a factor, or as fast as its consumers take it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

BATCH_LINES_MAX = 64
"""Lines sent between two looks at the sockets, the brake and the clock."""

NAP_NS_MIN = 1_000_000
NAP_NS_MAX = 100_000_000
"""Naps between lines: no shorter than the event loop's timers resolve, short enough to notice a stop."""


async def pump(
    recording: Iterable[tuple[int, bytes]],
    speed: float,
    emit: Callable[[bytes, int], None],
    writable: asyncio.Event,
    stop: asyncio.Event,
    *,
    clock_ns: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> int:
    """Call emit(payload, receive_ns) for each line, `speed` times as fast as recorded; return the number of lines.

    speed 0: as fast as the consumers take it. Whatever is due goes out, at most BATCH_LINES_MAX lines at a time; then
    the event loop gets a turn. While `writable` is clear nothing is sent, and what was missed is caught up afterwards.
    Ends early when `stop` is set. Raises ValueError on a negative speed, RecordingError on a malformed line.
    """
    if not 0 <= speed < float("inf"):
        raise ValueError(f"speed: found {speed}, allowed 0 (as fast as possible) or more")
    start_ns, origin_ns, count, batch = clock_ns(), -1, 0, 0
    for receive_ns, payload in recording:
        if origin_ns < 0:
            origin_ns = receive_ns
        # now_ns is read once a batch and after a nap: a line is early only by the fresh clock.
        if speed > 0:
            due_ns = start_ns + int((receive_ns - origin_ns) / speed)
            while (wait_ns := due_ns - clock_ns()) > 0 and not stop.is_set():
                batch = 0
                await sleep(min(max(wait_ns, NAP_NS_MIN), NAP_NS_MAX) / 1e9)
        if batch >= BATCH_LINES_MAX:
            batch = 0
            await sleep(0)
        while not writable.is_set() and not stop.is_set():
            await _wait_or_nap(writable)
        if stop.is_set():
            break
        emit(payload, receive_ns)
        batch += 1
        count += 1
    return count


async def _wait_or_nap(writable: asyncio.Event) -> None:
    """Wait for the brake to be released, at most NAP_NS_MAX."""
    try:
        await asyncio.wait_for(writable.wait(), NAP_NS_MAX / 1e9)
    except TimeoutError:
        return
