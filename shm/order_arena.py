"""Order arena: preallocated slots that one owner takes and gives back, named by handles that are never used twice.

A handle says which slot, and which of all the orders that ever stood in one:

      63 62                           12 11         0
     +--+-------------------------------+------------+
     | 0|          generation           |    slot    |     the handle 0 is none
     +--+-------------------------------+------------+
         one more with each slot taken     0 to 4095

What is to be said of a slot is one word, so whoever reads it sees one order, whole:

                     take: the handle
       FREE   ----------------------------->  TAKEN
     word <= 0                               word > 0
     minus the last handle, 0 if none        the handle
              <-----------------------------
                 give_back: minus the handle

    +0      the owner's: generations, capacity, where the free slots stand, counters
    +128    words[4096]   int64
    +32896  free[4096]    int16, a ring: the slot given back longest ago goes out first, so that
                          late words about an order find its old handle for as long as possible

The words are the truth and all else is made of them again by `resume`: a kill -9 between any two stores leaves
every slot either free or taken. Nothing is allocated and no address is kept, so an arena may lie in shared
memory; other processes read its words (`slot_word`).
"""

from typing import Any

import numpy as np

from shm.atomics import load_acquire, store_release
from shm.kernel import address_of, inlined, kernel
from shm.memory import field_offset

SLOT_BITS = 12
SLOTS = 1 << SLOT_BITS
NONE = 0
GENERATION_MAX = (1 << 63 - SLOT_BITS) - 1

ARENA = np.dtype(
    {
        "names": [
            "generation",  # of the last handle given out
            "generation_last",  # after it none is
            "capacity",
            "free_count",
            "free_head",  # the next to be taken
            "exhausted",  # how often there was none to take
            "twice",  # refused: given back before
            "stale",  # refused: never given out, or the slot has been taken again
            "words",
            "free",
        ],
        "formats": ["i8"] * 8 + [("i8", (SLOTS,)), ("i2", (SLOTS,))],
        "offsets": [*range(0, 64, 8), 128, 128 + 8 * SLOTS],
        "itemsize": 128 + 10 * SLOTS,
    }
)

_WORDS = field_offset(ARENA, "words")
assert field_offset(ARENA, "free") == 32_896, "as drawn"


def format_arena(arena: Any, capacity: int = SLOTS, *, before: int = 0, last: int = GENERATION_MAX) -> None:
    """Make every slot of a record free; the first handle's generation is `before` + 1, the last one's `last`.

    `capacity`: slots, 1 to SLOTS. Raises ValueError outside of these.
    """
    if not 1 <= capacity <= SLOTS:
        raise ValueError(f"capacity: found {capacity}, allowed 1 to {SLOTS}")
    if not 0 <= before <= last <= GENERATION_MAX:
        raise ValueError(f"generations after {before} to {last}: allowed ascending, 0 to {GENERATION_MAX}")
    for name in ("exhausted", "twice", "stale", "words"):
        arena[name] = 0
    arena["generation"], arena["generation_last"] = before, last
    arena["capacity"] = capacity
    resume(arena)


def resume(arena: Any) -> None:
    """Make an arena's free slots and its generation from its words, which another owner left, perhaps in mid-take.

    A slot that owner took and had no time to use stays taken: give back what no order of yours has (`taken`).
    """
    words = arena["words"][: int(arena["capacity"])]
    free = np.flatnonzero(words <= 0)
    arena["free_head"], arena["free_count"] = 0, len(free)
    arena["free"][: len(free)] = free[np.argsort(-words[free], kind="stable")]
    arena["generation"] = max(int(arena["generation"]), int(np.abs(words).max()) >> SLOT_BITS)


def taken(arena: Any) -> list[int]:
    """Handles of the slots that are taken, in the order in which they were."""
    words = arena["words"]
    return sorted(int(word) for word in words[words > 0])


@inlined
def slot_of(handle):
    """The slot of a handle."""
    return handle & (SLOTS - 1)


@inlined
def generation_of(handle):
    """The generation of a handle."""
    return handle >> SLOT_BITS


@inlined
def slot_word(arena, slot):
    """A slot's word, in any process that has the arena at that address: the handle, minus the last one, or 0."""
    return load_acquire(arena + _WORDS + (slot << 3))


@kernel
def take(arena):
    """Take a slot: its handle, or NONE when all are taken or the generations are spent."""
    if arena.free_count == 0 or arena.generation >= arena.generation_last:
        arena.exhausted += 1
        return NONE
    slot = np.int64(arena.free[arena.free_head])
    head = arena.free_head + 1
    arena.free_head = 0 if head == arena.capacity else head
    arena.free_count -= 1
    arena.generation += 1
    handle = (arena.generation << SLOT_BITS) | slot
    store_release(address_of(arena) + _WORDS + (slot << 3), handle)
    return handle


@kernel
def give_back(arena, handle):
    """Free a handle's slot: 1, or 0 when it is not that handle's, which is counted."""
    slot = slot_of(handle)
    word = arena.words[slot]
    if handle <= 0 or word != handle:
        if handle > 0 and word == -handle:
            arena.twice += 1
        else:
            arena.stale += 1
        return 0
    tail = arena.free_head + arena.free_count
    arena.free[tail - arena.capacity if tail >= arena.capacity else tail] = slot
    arena.free_count += 1
    store_release(address_of(arena) + _WORDS + (slot << 3), -handle)
    return 1


@kernel
def skip_to(arena, before, last):
    """Go on with generations `before` + 1 to `last`: 1, or 0 when they are not all newer than what was given out."""
    if before <= arena.generation or last < before or last > GENERATION_MAX:
        return 0
    arena.generation = before
    arena.generation_last = last
    return 1
