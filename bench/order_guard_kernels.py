"""The measured loops of the router's guards, and of an order's way into the router's ring: means of BATCH."""

from procs.ports import send
from shm.clock import read_clock
from shm.kernel import kernel
from shm.ring import advance, poll, release
from trader.compile_hints import never_inlined
from trader.pacing import may_place
from trader.router.breaker import admit

BATCH = 64


@kernel
def _admit(breaker, now_ns):
    """A call of its own, as the router makes it once an order: a loop would look at the state once for all."""
    never_inlined()
    return admit(breaker, now_ns)


@kernel
def _may_place(pacer, now_ns):
    never_inlined()
    return may_place(pacer, now_ns)


@kernel
def time_breaker(breaker, clock, samples):
    """`admit` while the breaker is closed; how many orders passed."""
    passed = 0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for index in range(BATCH):
            passed += _admit(breaker, start_ns + index) == 0
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return passed


@kernel
def time_pacing(pacer, step_ns, clock, samples):
    """`may_place` at a time that moves on by `step_ns`; how many orders passed."""
    passed = 0
    now_ns = 0
    for sample in range(len(samples)):
        start_ns = read_clock(clock)
        for _ in range(BATCH):
            now_ns += step_ns
            passed += _may_place(pacer, now_ns)
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
    return passed


@kernel
def time_hand_over(ports, outbox, journal, order, reader, clock, samples):
    """`send` of a new order, stamped, digested and journaled, one by one; then the ring is emptied.

    Returns how many the ring took.
    """
    sent = 0
    for sample in range(len(samples)):
        journal.position = 0
        start_ns = read_clock(clock)
        for _ in range(BATCH):
            order.client_order_id += 4096
            sent += send(ports, outbox, order)
        samples[sample] = (read_clock(clock) - start_ns) / BATCH
        while True:
            frame = poll(reader)
            if frame == 0:
                break
            advance(reader, frame)
        release(reader)
    return sent


@kernel
def fill_up(ports, outbox, order, most):
    """Send until the link refuses: how many it took."""
    for count in range(most):
        if send(ports, outbox, order) == 0:
            return count
    return most
