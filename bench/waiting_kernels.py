"""The measured loops of what sleeps: a frame handed over and awaited in a futex, there and back, or along a chain.

Along a chain, the ladder of whoever waits is the one of stages that share a core: a few pauses, a few yields, then
the futex. There and back it is the futex alone, and sleeps are counted: an answer comes back within those pauses, so
that with them nobody would ever sleep.
"""

from procs.placement import SPINS_SHARED, YIELDS_SHARED
from shm.atomics import fence, pause, store_relaxed, store_release
from shm.clock import read_clock
from shm.doorbell import AWAKE, IN_FUTEX, ring_doorbell, sleep_in_futex, yield_core
from shm.kernel import kernel, load_i64, store_i64
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN
from shm.ring import advance, claim, commit, poll, release

FRAME_BYTES = 64
"""Header included."""

KIND = 1
SLEEP_NS = 1_000_000_000
SLEEPS_MAX = 5


@kernel
def hand_over(writer, bell, scratch, value, origin_ns):
    """Commit one frame and wake whoever sleeps at `bell`; 0 when the ring is full."""
    frame = claim(writer, FRAME_BYTES)
    if frame == 0:
        return 0
    store_i64(frame + FRAME_HEADER_BYTES, value)
    commit(writer, KIND, FRAME_BYTES, origin_ns, origin_ns)
    fence()
    ring_doorbell(bell, scratch)
    return 1


@kernel
def await_frame(reader, bell, scratch):
    """The next frame, slept for; 0 when none came within SLEEPS_MAX seconds."""
    idle = sleeps = 0
    frame = poll(reader)
    while frame == 0:
        if idle < SPINS_SHARED:
            pause()
        elif idle < SPINS_SHARED + YIELDS_SHARED:
            yield_core()
        elif sleeps < SLEEPS_MAX:
            store_relaxed(bell, IN_FUTEX)
            fence()
            frame = poll(reader)
            if frame == 0:
                sleep_in_futex(bell, SLEEP_NS, scratch)
                sleeps += 1
            else:
                store_release(bell, AWAKE)
        else:
            return 0
        idle += 1
        if frame == 0:
            frame = poll(reader)
    return frame


@kernel
def await_asleep(reader, bell, scratch, sleeps):
    """The next frame, slept for at once; 0 when none came. `sleeps`: array of one, counts sleeps."""
    frame = poll(reader)
    for _ in range(SLEEPS_MAX):
        if frame != 0:
            return frame
        store_relaxed(bell, IN_FUTEX)
        fence()
        frame = poll(reader)
        if frame == 0:
            sleep_in_futex(bell, SLEEP_NS, scratch)
            sleeps[0] += 1
            frame = poll(reader)
        else:
            store_release(bell, AWAKE)
    return frame


@kernel
def take_value(reader, frame):
    """What a frame carries; gives its room back."""
    value = load_i64(frame + FRAME_HEADER_BYTES)
    advance(reader, frame)
    release(reader)
    return value


@kernel
def sleep_until(clock, wake_ns, bell, scratch):
    """Sleep to a moment; nobody rings this bell."""
    wait_ns = wake_ns - read_clock(clock)
    if wait_ns > 0:
        store_relaxed(bell, IN_FUTEX)
        sleep_in_futex(bell, wait_ns, scratch)


@kernel
def ask_and_wait(writer, reader, bells, scratch, clock, times, sleeps):
    """Round trips one by one; times[i] is half of one. Returns how many came back right.

    `bells`: address of two doorbells, 128 bytes apart: the answerer's and ours.
    """
    right = 0
    for index in range(len(times)):
        start_ns = read_clock(clock)
        hand_over(writer, bells, scratch, index, start_ns)
        frame = await_asleep(reader, bells + 128, scratch, sleeps)
        if frame == 0:
            return right
        times[index] = (read_clock(clock) - start_ns) // 2
        right += take_value(reader, frame) == index
    return right


@kernel
def answer_each(writer, reader, bells, scratch, count, sleeps):
    """Send each value back."""
    for _ in range(count):
        frame = await_asleep(reader, bells, scratch, sleeps)
        if frame == 0:
            return
        hand_over(writer, bells + 128, scratch, take_value(reader, frame), 0)


@kernel
def send_paced(writer, bell, own_bell, scratch, clock, count, gap_ns):
    """One frame every `gap_ns`, its origin the moment when it is sent."""
    next_ns = read_clock(clock) + gap_ns
    for index in range(count):
        sleep_until(clock, next_ns, own_bell, scratch)
        next_ns += gap_ns
        hand_over(writer, bell, scratch, index, read_clock(clock))


@kernel
def pass_on(writer, reader, own_bell, next_bell, scratch, count):
    """A link of a chain: each frame on to the next, its origin kept."""
    for _ in range(count):
        frame = await_frame(reader, own_bell, scratch)
        if frame == 0:
            return
        origin_ns = load_i64(frame + FRAME_ORIGIN)
        hand_over(writer, next_bell, scratch, take_value(reader, frame), origin_ns)


@kernel
def take_all(reader, bell, scratch, clock, times):
    """The end of a chain: times[i] from a frame's origin to here. Returns how many came in order."""
    right = 0
    for index in range(len(times)):
        frame = await_frame(reader, bell, scratch)
        if frame == 0:
            return right
        times[index] = read_clock(clock) - load_i64(frame + FRAME_ORIGIN)
        right += take_value(reader, frame) == index
    return right
