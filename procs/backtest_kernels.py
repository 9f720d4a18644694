"""The compiled loops of a backtest: recorded lines or decoded frames in, virtual time on, until nothing moves.

    time := the frame's -> timers on the way -> exchange -> wires -> feed -> .. -> volatility -> quiet?

A group is an int64 table of DUTY addresses in the order of procs.backtest.ORDER, the exchange first.
"""

from procs.duty import BATCH_MAX, DUTY
from procs.duty_cycle import next_timer_ns, run_group, timer_due_ns
from procs.loopback import frame_to_feed, market_frame, pump_wires, tell_decoded
from shm.clock import CLOCK
from shm.kernel import inlined, kernel, load_i64, view
from trader.decoded import DECODED, DECODED_FRAME, HEAD_BYTES, TEXT


@kernel
def settle(loop, group, count, rounds_max):
    """Run every stage and the wires between them until nothing moves; returns messages moved."""
    total = 0
    for _ in range(rounds_max):
        moved = run_group(group, count, 1) + pump_wires(loop)
        total += moved
        if moved == 0 or failed(group, count):
            break
    return total


@kernel
def view_kind(loop):
    """The kind of the clock that a loop runs by."""
    return view(loop.clock, CLOCK).kind


@kernel
def failed(group, count):
    """Whether a step of the group returned a negative code."""
    for index in range(count):
        if view(load_i64(group + index * 8), DUTY).failure != 0:
            return 1
    return 0


@kernel
def pass_time(loop, group, count, until_ns):
    """Let virtual time go on to `until_ns`, stopping at every timer on the way."""
    clock = view(loop.clock, CLOCK)
    while clock.now_ns < until_ns and not failed(group, count):
        wait_ns = max(next_timer_ns(group, count, clock.now_ns), 1)
        if loop.later_count == 0 and clock.now_ns + wait_ns > until_ns:
            clock.now_ns = until_ns
            return
        clock.now_ns = min(until_ns, clock.now_ns + wait_ns)
        settle(loop, group, count, 1 << 20)


@kernel
def settle_once(loop, group, count, backward, backward_count, at, size):
    """The same after the exchange was shown a decoded frame, or (size 0) after a timer, without looking twice at what
    that cannot have moved.

    Exchange, wires, then all others in flow order: most frames come to rest in that one round. Another is needed only
    where something went against the flow or onto a wire (the counters at `backward`), or where a stage took a whole
    batch and so may have left something.
    """
    before = _sent(backward, backward_count)
    run_group(group, 1, 1)
    pump_wires(loop)
    if size:
        frame_to_feed(loop, DECODED_FRAME, at, size)
    passed = run_group(group + 8, count - 1, 1)
    if _sent(backward, backward_count) != before or passed >= BATCH_MAX or loop.later_count != 0:
        pump_wires(loop)
        settle(loop, group, count, 1 << 20)


@kernel
def _settle_timers(loop, group, count, now_ns):
    """The same after a timer, with all at rest: only stages whose timers are due look, until one has sent something.

    1, or 0 where that is not enough: it is time for the exchange's, for a heartbeat, or for who lacked room.
    """
    taken = 0
    for index in range(count):
        duty = view(load_i64(group + index * 8), DUTY)
        if duty.held != 0:
            return 0
        if duty.timer_ns == 0 or now_ns < timer_due_ns(duty):
            continue
        if index == 0:
            return 0
        duty.ports.touched = 0
        taken += run_group(group + index * 8, 1, 1)
        if duty.ports.touched != 0 or duty.failure != 0:
            if index + 1 < count:
                run_group(group + (index + 1) * 8, count - index - 1, 1)
            settle(loop, group, count, 1 << 20)
            return 1
    return taken


@inlined
def _sent(counters, count):
    """What has been sent on the links whose counters' addresses stand in a table."""
    total = 0
    for index in range(count):
        total += load_i64(load_i64(counters + index * 8))
    return total


@kernel
def play(loop, group, count, lines, times_ns, offsets, text):
    """Play recorded lines: `text[offsets[i]:offsets[i + 1]]` at `times_ns[i]`; returns lines played."""
    clock = view(loop.clock, CLOCK)
    for index in range(lines):
        if times_ns[index] > clock.now_ns:
            pass_time(loop, group, count, times_ns[index])
        market_frame(loop, text + offsets[index], offsets[index + 1] - offsets[index])
        settle(loop, group, count, 1 << 20)
        if failed(group, count):
            return index
    return lines


@kernel
def _pass_time_quickly(loop, group, count, backward, backward_count, until_ns):
    """`pass_time`, each timer settled in one round where that does."""
    clock = view(loop.clock, CLOCK)
    while not failed(group, count):
        wait_ns = max(next_timer_ns(group, count, clock.now_ns), 1)
        if loop.later_count != 0:
            pass_time(loop, group, count, until_ns)
        if clock.now_ns + wait_ns > until_ns:
            break
        clock.now_ns += wait_ns
        if not _settle_timers(loop, group, count, clock.now_ns):
            settle_once(loop, group, count, backward, backward_count, 0, 0)
    clock.now_ns = max(clock.now_ns, until_ns)


@kernel
def play_decoded(loop, group, count, backward, backward_count, at, end):
    """Play the DECODED frames that begin between the addresses `at` and `end`: the address of the next."""
    clock = view(loop.clock, CLOCK)
    while at < end and not failed(group, count):
        row = view(at, DECODED)
        if row.receive_ns > clock.now_ns:
            _pass_time_quickly(loop, group, count, backward, backward_count, row.receive_ns)
        if row.kind == TEXT:
            market_frame(loop, at + HEAD_BYTES, row.size - HEAD_BYTES)
            settle(loop, group, count, 1 << 20)
        else:
            tell_decoded(loop, at, row.size)
            settle_once(loop, group, count, backward, backward_count, at, row.size)
        at += (row.size + 7) & ~7
    return at
