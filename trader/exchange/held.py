"""Messages that a fault holds back, in both directions, until their time: a ring of entries, a ring of bytes.

    head .. tail    entries in the order in which they were held, number % ENTRIES; some before tail may be gone
    bytes           the same order; a message that does not fit before the end begins at 0

    hold -> [due later] -> take_due, earliest first, first held first -> drop

What finds no room is not held: the caller closes its connections. No allocation; one writer.
"""

import numpy as np

from shm.kernel import address_of, copy, kernel
from trader.compile_hints import never_inlined

ENTRIES = 1_024
DATA_BYTES = 1 << 20
OUTGOING, INCOMING = range(2)
NEVER = 1 << 62

ENTRY = np.dtype(
    [
        ("connections", "i8"),  # set; 0: gone
        ("direction", "i8"),
        ("kind", "i8"),
        ("status", "i8"),
        ("offset", "i8"),
        ("length", "i8"),
    ],
    align=True,
)

HELD = np.dtype(
    [
        ("head", "i8"),
        ("tail", "i8"),
        ("count", "i8"),  # those that are not gone
        ("next_due_ns", "i8"),  # no entry is due before; only to be looked at while count > 0
        ("refused", "i8"),  # found no room, since the start
        ("due_ns", "i8", (ENTRIES,)),  # NEVER: gone
        ("entries", ENTRY, (ENTRIES,)),
        ("data", "u1", (DATA_BYTES,)),
    ],
    align=True,
)
DATA_OFFSET = int(HELD.fields["data"][1])  # type: ignore[index]


@kernel
def reclaim(held):
    """Forget the oldest entries that are gone: at the begin of a step, after which their bytes no longer stand."""
    while held.head < held.tail and held.due_ns[held.head % ENTRIES] == NEVER:
        held.head += 1


@kernel
def _room_for(held, length):
    """Offset where so many bytes may be written, or -1. Bytes of entries up to the tail are kept."""
    if length > DATA_BYTES // 4 or held.tail - held.head >= ENTRIES:
        return -1
    if held.head == held.tail:
        return 0
    oldest = held.entries[held.head % ENTRIES].offset
    newest = held.entries[(held.tail - 1) % ENTRIES]
    end = newest.offset + newest.length
    if newest.offset >= oldest:
        if end + length <= DATA_BYTES:
            return end
        return 0 if length < oldest else -1
    return end if end + length < oldest else -1


@kernel
def hold(held, direction, connections, kind, status, address, length, due_ns):
    """Keep a copy of a message until `due_ns`: 1, or 0 where there is no room."""
    never_inlined()
    offset = _room_for(held, length)
    if offset < 0:
        held.refused += 1
        return 0
    place = held.tail % ENTRIES
    entry = held.entries[place]
    entry.connections = connections
    entry.direction = direction
    entry.kind = kind
    entry.status = status
    entry.offset = offset
    entry.length = length
    copy(address_of(held) + DATA_OFFSET + offset, address, length)
    held.due_ns[place] = due_ns
    held.next_due_ns = due_ns if held.count == 0 else min(held.next_due_ns, due_ns)
    held.tail += 1
    held.count += 1
    return 1


@kernel
def take_due(held, now_ns):
    """Place in `entries` of the next message that is due, or -1. Its bytes stand until the next `reclaim`."""
    if held.count == 0 or now_ns < held.next_due_ns:
        return -1
    found = -1
    due_ns = NEVER
    for number in range(held.head, held.tail):
        if held.due_ns[number % ENTRIES] < due_ns:
            found = number % ENTRIES
            due_ns = held.due_ns[found]
    held.next_due_ns = due_ns
    return found if due_ns <= now_ns else -1


@kernel
def drop(held, place):
    """An entry is done with. Its bytes stand until the next `reclaim`."""
    held.due_ns[place] = NEVER
    held.entries[place].connections = 0
    held.count -= 1


@kernel
def payload_at(held, place):
    """Address of an entry's bytes."""
    return address_of(held) + DATA_OFFSET + held.entries[place].offset


@kernel
def forget_held(held, connection_id):
    """A connection has ended: nothing that was held for it alone, or came from it, goes on."""
    never_inlined()
    for number in range(held.head, held.tail):
        place = number % ENTRIES
        entry = held.entries[place]
        if (entry.connections >> connection_id) & 1:
            entry.connections &= ~(1 << connection_id)
            if entry.connections == 0:
                drop(held, place)
