"""The measured loops of the transport suite: a NewOrder encoded into a ring, and decoded out of it, compiled."""

from bench.ring_kernels import await_frame, await_room
from shm.clock import read_clock
from shm.codec import decode, encode
from shm.kernel import kernel, load_i64
from shm.layout import FRAME_HEADER_BYTES, LENGTH_MASK
from shm.ring import advance, commit, release
from trader.messages import NEW_ORDER

FRAME_BYTES_MAX = 256
RELEASE_EVERY = 256
KIND = int(NEW_ORDER)


@kernel
def put(writer, order):
    """Encode an order into the ring's next frame; 0 when it stays full for about a second."""
    frame = await_room(writer, FRAME_BYTES_MAX)
    if frame == 0:
        return 0
    length = encode(order, frame + FRAME_HEADER_BYTES)
    commit(writer, KIND, FRAME_HEADER_BYTES + length, 0, 0)
    return 1


@kernel
def get(reader, order):
    """Wait for the next frame and decode it; 0 when none comes for about a second, or it is no order."""
    frame = await_frame(reader)
    if frame == 0:
        return 0
    code = decode(frame + FRAME_HEADER_BYTES, (load_i64(frame) & LENGTH_MASK) - FRAME_HEADER_BYTES, order)
    advance(reader, frame)
    return 1 if code == 0 else 0


@kernel
def ping(writer, reader, order, echo, clock, times):
    """Round trips one by one; times[i] is half of one. Returns how many came back with their own price."""
    right = 0
    for index in range(len(times)):
        order.price_ticks = index
        start_ns = read_clock(clock)
        if put(writer, order) == 0 or get(reader, echo) == 0:
            return right
        times[index] = (read_clock(clock) - start_ns) // 2
        release(reader)
        right += echo.price_ticks == index
    return right


@kernel
def pong(writer, reader, order, count):
    """Decode and send back, `count` times."""
    for _ in range(count):
        if get(reader, order) == 0:
            return
        release(reader)
        put(writer, order)


@kernel
def pour(writer, order, count):
    """Send `count` orders as fast as the ring takes them."""
    for index in range(count):
        order.price_ticks = index
        if put(writer, order) == 0:
            return


@kernel
def drain(reader, order, count, clock, span):
    """Take `count` orders; span gets the time from the first to the last. Returns the sum of their prices."""
    total = 0
    for index in range(count):
        if get(reader, order) == 0:
            return -1
        if index == 0:
            span[0] = read_clock(clock)
        total += order.price_ticks
        if index % RELEASE_EVERY == 0:
            release(reader)
    span[1] = read_clock(clock)
    release(reader)
    return total


@kernel
def round_trips(order, echo, body, clock, times, batch):
    """Encode and decode in place; times[i] is the mean of a batch. Returns the sum of the decoded prices."""
    total = 0
    for index in range(len(times)):
        start_ns = read_clock(clock)
        for step in range(batch):
            order.price_ticks = index * batch + step
            decode(body, encode(order, body), echo)
            total += echo.price_ticks
        times[index] = (read_clock(clock) - start_ns) / batch
    return total
