"""Each guard and each order taken out of the shipped source: the models must notice, or they guard nothing.

The text that runs is a patched copy in this process's memory. Orders that only keep a load from taking effect behind
a later store of its own core are not seen here: tests/shm/test_sabotage.py takes those out before the generated code
is read.
"""

import functools

import pytest

from tests.transport.test_models import KILLS, MODELS

SEEDS_MAX = 600

RING = ("ring", "ring of two consumers", "ring of a lossy consumer", "ring of two reliable and a lossy consumer")
RELIABLE, LOSSY = RING[:2], RING[2:]
BELLS = ("futex doorbells", "epoll doorbells", "a futex and an epoll doorbell")

_INTENT = "load_relaxed(reader.ring + RING_INTENT) - reader.capacity > reader.position"
_LOOK = "    frame = reader.data + (position & reader.mask)\n    word = load_acquire(frame)\n"
_LOOK_AGAIN = "        frame = reader.data + (position & reader.mask)\n        word = load_acquire(frame)\n"
_IN_FUTEX = "    store_relaxed(doorbell, IN_FUTEX)\n    fence()\n"
_IN_EPOLL = "    store_release(doorbell, IN_EPOLL)\n    fence()\n"
_LAST_LOOK = "    return taken + run_group(group, count, ROUNDS_MAX)"
_ID = "    store_release(base + IDS + order_slot * 8, client_order_id)\n"
_FOUND = "        if reader.bits != 0:\n            return 1\n"
_POSITION = "    store_release(writer.ring + POSITION, writer.position)\n"
_SEQUENCE = "    store_release(writer.ring + SEQUENCE, writer.sequence)\n"

# fmt: off
SIDE_BY_SIDE = [
    ("ring.py", "        store_relaxed(behind, 0)\n", "", RING),
    ("ring.py", "    store_relaxed(writer.frame, 0)\n    store_release", "    store_release", RING),
    ("ring.py", "store_release(frame, word)\n        store", "store_relaxed(frame, word)\n        store", RING),
    ("ring.py", "store_release(frame, word)\n    ahead", "store_relaxed(frame, word)\n    ahead", RING),
    ("ring.py", "    if ahead + FRAME_ALIGNMENT_BYTES + writer.base <= writer.limit:", "    if True:", RING),
    ("ring.py", "        writer.clear = 0\n    else", "    else", RING),
    ("ring.py", "    writer.clear = min(writer.limit - writer.base, ring", "    writer.clear = min(ring", RING),
    ("ring.py", "ring_end, writer.frame + stretch)", "writer.frame + stretch)", RING),
    ("ring.py", "    store_relaxed(writer.data, 0)\n", "", RING),
    ("ring.py", "    store_release(writer.frame, (PADDING", "    store_relaxed(writer.frame, (PADDING", RING),
    ("ring.py", "        if end > writer.limit:\n            return 0\n    str", "    str", RING),
    ("ring.py", _LOOK, _LOOK.replace("acquire", "relaxed"), RELIABLE),
    ("ring.py", _LOOK_AGAIN, _LOOK_AGAIN.replace("acquire", "relaxed"), RELIABLE),
    ("ring.py", "        fence_release()\n", "", LOSSY),
    ("ring.py", "        store_relaxed(writer.ring + RING_INTENT, writer.announced)\n", "", LOSSY),
    ("ring.py", "    if end + max(advance, stretch) > writer.announced:", "    if end > writer.announced:", LOSSY),
    ("ring.py", "        writer.announced = end + max(advance, stretch)", "        writer.announced = end", LOSSY),
    ("ring.py", "    store_release(writer.ring + RING_TAIL,", "    store_relaxed(writer.ring + RING_TAIL,", LOSSY),
    ("ring_lossy.py", f"if {_INTENT}:", "if False:", LOSSY),
    ("ring_lossy.py", "        fence_acquire()\n", "", LOSSY),
    ("ring_lossy.py", "        word = load_acquire(frame)", "        word = load_relaxed(frame)", LOSSY),
    ("ring_lossy.py", "= load_acquire(reader.ring + RING_TAIL)", "= load_relaxed(reader.ring + RING_TAIL)", LOSSY),
    ("slot.py", "store_relaxed(slot, load_relaxed(slot) | 1)", "store_relaxed(slot, load_relaxed(slot))", ("slot",)),
    ("slot.py", "    fence_release()\n", "", ("slot",)),
    ("slot.py", "    store_release(slot, version)\n    w", "    store_relaxed(slot, version)\n    w", ("slot",)),
    ("slot.py", "            version = load_acquire(slot)\n            if", "            version = load_relaxed(slot)\n"
     "            if", ("slot",)),
    ("slot.py", "            if version & 1:\n                continue\n", "", ("slot",)),
    ("slot.py", "            fence_acquire()\n", "", ("slot",)),
    ("slot.py", "if load_relaxed(slot) == version:", "if True:", ("slot",)),
    ("slot.py", "publications = load_acquire(reader.base)", "publications = load_relaxed(reader.base)", ("slot",)),
    ("cancels.py", f"{_ID}    _point_at(base, order_slot)\n", f"    _point_at(base, order_slot)\n{_ID}", ("cancels",)),
    ("cancels.py", "    fetch_or(base + SUMMARY, 1 << (order_slot >> 6))\n", "", ("cancels",)),
    ("cancels.py", "        replace_if(reader.base + IDS + reader.held_slot * 8, reader.held_id, 0)\n",
     "        store_release(reader.base + IDS + reader.held_slot * 8, 0)\n", ("cancels",)),
    ("cancels.py", _FOUND, f"{_FOUND}        if reader.summary == 0:\n            return 0\n", ("cancels",)),
    ("bells.py", "                fence()\n                fenced", "                fenced", BELLS),
    ("duty_cycle.py", _IN_FUTEX, _IN_FUTEX.replace("    fence()\n", ""), BELLS),
    ("duty_cycle.py", "    taken = run_group(group, count, 1)\n    if taken == 0:", "    taken = 0\n    if taken == 0:",
     BELLS),
    ("socket_turn.py", _IN_EPOLL, _IN_EPOLL.replace("    fence()\n", ""), BELLS),
    ("socket_turn.py", _LAST_LOOK, "    return taken", BELLS),
    ("doorbell.py", "_WAIT, IN_FUTEX, scratch", "_WAIT, load_acquire(doorbell), scratch", BELLS),
    ("doorbell.py", "    elif slept == IN_EPOLL:", "    elif False:", BELLS),
    ("log_ring.py", _POSITION, _POSITION.replace("store_release", "store_i64"), ("log ring",)),
    ("log_ring.py", f"{_SEQUENCE}    return 1", f"{_SEQUENCE}    return 1".replace("store_release", "store_i64"),
     ("log ring",)),
    ("log_ring.py", f"        {_SEQUENCE}            return 0", "            return 0", ("log ring",)),
    ("log_ring.py", "        if writer.position - writer.head_cached > writer.mask:\n            writer.sequence",
     "        if False:\n            writer.sequence", ("log ring",)),
    ("log_ring.py", "    reader.tried = load_acquire(", "    reader.tried = load_relaxed(", ("log ring",)),
    ("log_ring.py", "    waiting = load_acquire(", "    waiting = load_relaxed(", ("log ring",)),
]
KILLED = [
    ("ring.py", "    while word != 0:\n        # Killed", "    while False:\n        # Killed", "ring, producer"),
    ("ring.py", "        if word >> TYPE_SHIFT != PADDING_TYPE:\n            writer.sequence",
     "        if True:\n            writer.sequence", "ring, producer"),
    ("ring.py", "        reader.sequence = min(reader.sequence, load_i64(frame + FRAME_SEQUENCE))", "        pass",
     "ring, consumer"),
    ("slot.py", "            store_i64(slot + SLOT_FRAME, 0)\n", "", "slot, writer"),
    ("slot.py", "    writer.publications = load_acquire(base) + 1", "    writer.publications = load_acquire(base)",
     "slot, writer"),
    ("cancels.py", "            _point_at(base, order_slot)\n\n\n@kernel", "            pass\n\n\n@kernel",
     "cancels, taker"),
    ("log_ring.py", "        sequence = max(sequence, (word >> EVENT_BITS) + 1)", "        pass", "log ring, writer"),
    ("log_ring.py", f"{_POSITION}{_SEQUENCE}", f"{_SEQUENCE}{_POSITION}", "log ring, writer"),
    ("journal.py", "    store_i64(at + 8, now_ns)\n",
     "    store_release(at, (crc << 32) | length)\n    store_i64(at + 8, now_ns)\n", "journal, writer"),
]
# fmt: on


def names(rows: list[tuple]) -> list[str]:
    """Short names for rows: the file and the beginning of what is taken out."""
    return [f"{row[0]} {' '.join(row[1].split())[:50]}" for row in rows]


@pytest.mark.parametrize(("file", "old", "new", "models"), SIDE_BY_SIDE, ids=names(SIDE_BY_SIDE))
def test_what_is_taken_out_is_noticed_side_by_side(file: str, old: str, new: str, models: tuple[str, ...]) -> None:
    for seed in range(SEEDS_MAX):
        try:
            MODELS[models[seed % len(models)]](seed, patch=(file, old, new)).run()
        except AssertionError:
            return
    pytest.fail("nothing noticed it")


@functools.cache
def stores_of(name: str) -> int:
    """Stores in a whole life of a victim."""
    make, victim_of = KILLS[name]
    model = make(0)
    model.run()
    return int(victim_of(model).stores)


@pytest.mark.parametrize(("file", "old", "new", "name"), KILLED, ids=names(KILLED))
def test_what_is_taken_out_is_noticed_when_one_is_killed(file: str, old: str, new: str, name: str) -> None:
    make, victim_of = KILLS[name]
    for seed in range(SEEDS_MAX):
        model = make(seed, patch=(file, old, new))
        victim_of(model).kill_at = 1 + seed % stores_of(name)
        try:
            model.run()
        except AssertionError:
            return
    pytest.fail("nothing noticed it")
