"""The doorbells behind a stage's outboxes: rung once for all that a pass has sent.

send, send, cancel  ->  touched  ->  one fence  ->  ring each bell behind which somebody may sleep
"""

from procs.ports import PORTS
from shm.atomics import fence
from shm.doorbell import ring_doorbell
from shm.kernel import address_of, inlined
from shm.memory import field_offset

_SCRATCH_OFFSET = field_offset(PORTS, "scratch")


@inlined
def ring_owed(ports):
    """Ring for what was sent since the last ring, where somebody may sleep behind it."""
    if ports.touched & ports.rung or ports.hot_log.touched:
        _ring_doorbells(ports)


@inlined
def _ring_doorbells(ports):
    """One fence for the whole pass, then wake whoever sleeps behind a touched outbox."""
    touched = ports.touched
    ports.touched = 0
    fenced = False
    for index in range(ports.outbox_count):
        if (touched >> index) & 1:
            box = ports.outboxes[index]
            if not fenced and box.doorbell_count:
                fence()
                fenced = True
            for consumer in range(box.doorbell_count):
                ring_doorbell(box.doorbells[consumer], address_of(ports) + _SCRATCH_OFFSET)
    if ports.hot_log.touched:
        # After everything that trades. Without a fence of its own: the log's collector looks by itself, too.
        ports.hot_log.touched = 0
        ring_doorbell(ports.hot_log.doorbell, address_of(ports) + _SCRATCH_OFFSET)
