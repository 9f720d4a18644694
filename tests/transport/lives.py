"""Compiled lives of writers and readers that may be killed and replaced: what they do follows from a number.

Each shows how far it is in a shared word or tally, so that its successor knows where to go on and the parent what to
check. Now and then they hesitate (see tests/shm/ring_traffic).
"""

import numpy as np

from shm.atomics import fence, load_acquire, pause, store_relaxed, store_release
from shm.cancels import ALL_SLOTS, SLOTS, request_cancel, take_cancel
from shm.doorbell import AWAKE, IN_FUTEX, ring_doorbell, sleep_in_futex, yield_core
from shm.journal import INPUT, RECORD_BYTES, append, next_record, record_key
from shm.kernel import kernel, load_i64, store_i64
from shm.layout import DOORBELL_STATE
from shm.log_ring import EVENT_BITS, VALUES_MAX, drain_log, log_record
from shm.log_ring import RECORD_BYTES as LOG_BYTES
from shm.order_arena import give_back, slot_of, slot_word, take
from tests.shm.ring_traffic import hesitate, mixed, word_of

TALLY = np.dtype(
    [
        ("received", "i8"),
        ("missed", "i8"),
        ("harmed", "i8"),
        ("disorder", "i8"),
        ("next", "i8"),  # the number that comes next, drops aside
    ],
    align=True,
)

_IDLE_SPINS = 64
_ALL_EACH = 1024
_DRAIN_ROOM = 512
_PAYLOAD_WORDS_MAX = 8


@kernel
def _sometimes(draw):
    """Hesitate behind one number in 512."""
    if (draw >> 33) & 0x1FF == 0:
        hesitate(draw)


# Log ring


@kernel
def log_until(writer, kept, seed, stop, progress):
    """Log at least once and until `kept` records found room, or `stop` is set. Each is made from its sequence."""
    while True:
        number = writer.sequence
        draw = mixed(seed, number, 0)
        log_record(
            writer, draw & 0xFFFF, number,
            word_of(draw, 0), word_of(draw, 1), word_of(draw, 2), word_of(draw, 3), word_of(draw, 4), word_of(draw, 5),
        )  # fmt: skip
        store_release(progress, writer.position)
        if writer.position >= kept or load_acquire(stop):
            return
        _sometimes(draw)


@kernel
def drain_until(reader, out, seed, stop, tally):
    """Drain and check until the word at `stop` is set and nothing is left; `tally.missed`: dropped in between."""
    idle = 0
    while True:
        stopping = load_acquire(stop)
        count = drain_log(reader, out, _DRAIN_ROOM)
        if count < 0:
            tally.harmed += 1
            return
        for index in range(count):
            _check_record(out + index * LOG_BYTES, seed, tally)
        if count < _DRAIN_ROOM and reader.tried > tally.next:
            # Nothing of these is still to come.
            tally.missed += reader.tried - tally.next
            tally.next = reader.tried
        idle = _rest(count, idle, tally.next, seed)
        if stopping and count == 0:
            return


@kernel
def _check_record(at, seed, tally):
    number = load_i64(at) >> EVENT_BITS
    draw = mixed(seed, number, 0)
    wrong = (load_i64(at) & 0xFFFF) ^ (draw & 0xFFFF) | load_i64(at + 8) ^ number
    for index in range(VALUES_MAX):
        wrong |= load_i64(at + 16 + 8 * index) ^ word_of(draw, index)
    tally.harmed += wrong != 0
    tally.disorder += number < tally.next
    tally.missed += number - tally.next
    tally.next = number + 1
    tally.received += 1


@kernel
def _rest(moved, idle, number, seed):
    """What a reader does between two looks: nothing, a rare pause, or a yield when it finds nothing for long."""
    if moved:
        _sometimes(mixed(seed, number, 1))
        return 0
    if idle > _IDLE_SPINS:
        yield_core()
    pause()
    return idle + 1


# Cancel sets


@kernel
def ask_until(base, count, seed, last_asked, stop, progress):
    """Ask for cancels numbered from the word at `progress` on, up to `count` or until `stop`; one in 1024 is for all.

    At least once, for what a predecessor was killed in. `last_asked`: the newest id of each slot. An id is its number
    and its slot.
    """
    number = load_acquire(progress)
    while True:
        number += 1
        draw = mixed(seed, number, 0)
        slot = (draw >> 40) & (SLOTS - 1)
        if number % _ALL_EACH == 0:
            request_cancel(base, ALL_SLOTS, 0)
        else:
            store_i64(last_asked + 8 * slot, number << 12 | slot)
            request_cancel(base, slot, number << 12 | slot)
        store_release(progress, number)
        if number >= count or load_acquire(stop):
            return
        _sometimes(draw)


@kernel
def take_until(reader, seed, last_taken, stop, tally):
    """Take cancels until the word at `stop` is set and nothing is left; `last_taken`: the newest id of each slot."""
    idle = 0
    while True:
        stopping = load_acquire(stop)
        found, slot, client_order_id = take_cancel(reader)
        if found and slot != ALL_SLOTS:
            tally.received += 1
            tally.next = client_order_id >> 12
            tally.harmed += (mixed(seed, tally.next, 0) >> 40) & (SLOTS - 1) != slot
            tally.harmed += client_order_id & (SLOTS - 1) != slot
            tally.disorder += client_order_id < load_i64(last_taken + 8 * slot)
            store_i64(last_taken + 8 * slot, client_order_id)
        elif found:
            tally.missed += 1  # requests for all, some taken as one
        elif stopping:
            return
        idle = _rest(found, idle, tally.next, seed)


# Order arena


@kernel
def churn_until(arena, count, seed, held, stop, progress):
    """Take and give back in a random order, `count` pairs or until `stop`; how many answers were wrong.

    `held`: what is taken by this life, a handle for each slot. Stale handles are offered now and then.
    """
    wrong = 0
    pairs = load_acquire(progress)
    while pairs < count and not load_acquire(stop):
        draw = mixed(seed, pairs, 0)
        at = held + 8 * ((draw >> 40) & (SLOTS - 1))
        before = arena.generation
        handle = take(arena)
        place = held + 8 * slot_of(handle)
        if handle == 0:
            wrong += arena.free_count != 0
        else:
            wrong += handle >> 12 != before + 1 or load_i64(place) != 0
            store_i64(place, handle)
        former = load_i64(at)
        if former != 0:
            store_i64(at, 0)
            wrong += give_back(arena, former) != 1
            wrong += give_back(arena, former) != 0
        pairs += 1
        store_release(progress, pairs)
        _sometimes(draw)
    return wrong


@kernel
def watch_until(arena_address, seen, stop, tally):
    """Look at every word again and again until `stop`: each is one order's of that slot, and never an older one's."""
    while True:
        stopping = load_acquire(stop)
        for slot in range(SLOTS):
            word = slot_word(arena_address, slot)
            tally.harmed += word != 0 and slot_of(abs(word)) != slot
            tally.disorder += abs(word) < abs(load_i64(seen + 8 * slot))
            store_i64(seen + 8 * slot, word)
        tally.received += SLOTS
        if stopping:
            return


# Journal


@kernel
def journal_until(journal, seed, payload, progress):
    """Append records numbered from 0 until the journal is full; each is made from its number."""
    number = 0
    while True:
        draw = mixed(seed, number, 0)
        words = (draw & 0xFFFF) % (_PAYLOAD_WORDS_MAX + 1)
        for index in range(words):
            store_i64(payload + 8 * index, word_of(draw, index))
        if not append(journal, number, record_key(INPUT, 3, number), draw, payload, 8 * words):
            return
        number += 1
        store_release(progress, number)
        _sometimes(draw)


@kernel
def read_journal(base, capacity, seed):
    """(whole records, harmed ones, the last length: 0 at the end, -1 at damage)."""
    number = harmed = position = 0
    while True:
        length = next_record(base, position, capacity)
        if length <= 0:
            return number, harmed, length
        at, draw = base + position, mixed(seed, number, 0)
        words = (draw & 0xFFFF) % (_PAYLOAD_WORDS_MAX + 1)
        wrong = length ^ (RECORD_BYTES + 8 * words)
        wrong |= load_i64(at + 8) ^ number | load_i64(at + 16) ^ record_key(INPUT, 3, number) | load_i64(at + 24) ^ draw
        for index in range(min(words, (length - RECORD_BYTES) >> 3)):
            wrong |= load_i64(at + RECORD_BYTES + 8 * index) ^ word_of(draw, index)
        harmed += wrong != 0
        position += length
        number += 1


# Doorbells


@kernel
def answer_until(first, own_word, other_word, own_bell, other_bell, seed, timeout_ns, stop, scratch):
    """One side of a ping-pong that sleeps in between: the first raises its word above the other's, which follows it.

    A word says whose turn it is, so either side may be killed and replaced; a wake-up that dies with its sender is
    made good by the time-out.
    """
    while not load_acquire(stop):
        own = load_acquire(own_word)
        other = load_acquire(other_word)
        if other >= own if first else other > own:
            store_release(own_word, own + 1)
            fence()
            ring_doorbell(other_bell, scratch)
            _sometimes(mixed(seed, own, first))
            continue
        store_relaxed(own_bell + DOORBELL_STATE, IN_FUTEX)
        fence()
        if load_acquire(other_word) == other:
            sleep_in_futex(own_bell, timeout_ns, scratch)
        else:
            store_release(own_bell + DOORBELL_STATE, AWAKE)


@kernel
def ask_cancel(base, slot, client_order_id):
    """`request_cancel`, from Python."""
    return request_cancel(base, slot, client_order_id)
