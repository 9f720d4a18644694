"""Each guard of shm taken out of a copy: the checks must notice, or they guard nothing."""

from collections.abc import Iterable

import pytest

from tests.sabotage import FINE, ROOT, assert_noticed, copy_of, verdict

_DONE = "replace_if(reader.base + IDS + reader.held_slot * 8, reader.held_id, 0)"
_GONE = "store_release(reader.base + IDS + reader.held_slot * 8, 0)"
_CRC = "    crc = crc_i64(crc_i64(crc_i64(_CRC_SEED, now_ns), key), value)\n"
_WORD = "    store_release(at, (crc << 32) | length)\n"
_INTENT = "load_relaxed(reader.ring + RING_INTENT) - reader.capacity > reader.position"
_COPY = "        if sound and word >> TYPE_SHIFT != PADDING_TYPE:\n            copy(reader.buffer, frame, length)\n"
_LATE_LOOK = f"{_COPY}        fence_acquire()\n        if {_INTENT}:"
_EARLY_LOOK = f"        lapped = {_INTENT}\n{_COPY}        if lapped:"
_MARKER = "    marker = load_u8(at)\n    if kind == BOOL:"
_CUT = "    if at >= end:\n        return TRUNCATED, 0\n"
_CUT_VALUE = "        if at + 1 + width > end:\n            return TRUNCATED, 0\n        value ="
_NEVER_BACK = "NEVER if all_reliable else load_acquire(ring + RING_INTENT)"
_EIGHTH = "    if frame_bytes > writer.capacity >> 3:\n        return 0\n"
_ROOM = "        if end > writer.limit:\n            return 0\n    str"
_AHEAD = "    if ahead + FRAME_ALIGNMENT_BYTES + writer.base <= writer.limit:"
_ZERO = "        store_relaxed(behind, 0)\n"

_UNTRACKED = "def _untracked(name: str, *, create: bool, size: int) -> shared_memory.SharedMemory:\n"
_PLACE = "    at = writer.ring + HEADER_BYTES + ((writer.position & writer.mask) << _RECORD_SHIFT)\n"
_EARLY = "    store_release(writer.ring + POSITION, writer.position + 1)\n"
_FULL = "        if writer.position - writer.head_cached > writer.mask:\n"
_TRIED = "    reader.tried = load_acquire(reader.ring + SEQUENCE)\n"
_WAITING = "    waiting = load_acquire(reader.ring + POSITION) - reader.position\n"

# fmt: off
QUICK = [
    ("ring.py", _ZERO, "", "ring_never_takes_stale_bytes_for_a_frame"),
    ("ring_lossy.py", f"if {_INTENT}:", "if False:", "ring_discards_what_was_overwritten_under_a_lossy_consumer"),
    ("slot.py", "if load_relaxed(slot) == version:", "if version == version:", "slot_copy_is_looked_at_twice"),
    ("codec.py", "length >= _fixed_bytes(record) and ", "", "codec_reads_nothing_behind_the_end"),
    ("journal.py", "return length if crc == load_u32(at + 4) else -1", "return length", "journal_finds_a_flipped_byte"),
    ("log_ring.py", _PLACE, _EARLY + _PLACE, "log_record_is_whole_or_absent"),
    ("segment.py", "    if found != layout_hash:", "    if False:", "segment_of_another_layout_is_refused"),
]
SLOW = [
    ("ring_lossy.py", _LATE_LOOK, _EARLY_LOOK, "ring_looks_at_intent_behind_its_copy"),
    ("ring.py", _ROOM, "    str", "ring_never_overwrites_what_a_reliable_consumer_holds"),
    ("ring.py", _AHEAD, "    if True:", "ring_commit_touches_only_what_is_free"),
    ("ring.py", _NEVER_BACK, "0", "ring_discards_what_a_given_up_claim_overwrote"),
    ("ring.py", _EIGHTH, "", "ring_refuses_a_frame_larger_than_an_eighth"),
    ("ring.py", "    while word != 0:\n        # Killed", "    while False:\n        # Killed",
     "ring_successor_counts_the_frame_behind_the_tail"),
    ("slot.py", "load_relaxed(slot) | 1)", "load_relaxed(slot) & ~1)", "slot_is_never_read_half_written"),
    ("cancels.py", _DONE, "pass", "cancel_is_done_or_handed_to_a_killed_takers_successor"),
    ("cancels.py", _DONE, _GONE, "cancel_asked_for_meanwhile_is_not_taken_for_the_one_that_was_done"),
    ("cancels.py", "load_relaxed(base + IDS + order_slot * 8) != 0", "load_relaxed(base + IDS + order_slot * 8) < 0",
     "cancel_is_done_or_handed_to_a_killed_takers_successor"),
    ("cancels.py", "            reader.held_id = client_order_id\n",
     "            reader.held_id = client_order_id\n            _done(reader)\n",
     "cancel_is_done_or_handed_to_a_killed_takers_successor"),
    ("codec_any.py", _CUT + _MARKER, _MARKER, "codec_reads_nothing_behind_the_end"),
    ("codec_any.py", _CUT_VALUE, "        value =", "codec_reads_nothing_behind_the_end"),
    ("codec_any.py", "if marker == 0xCF and value < 0:", "if False:", "codec_agrees_with_msgspec_on_every_byte"),
    ("codec.py", "        fine = builder.and_(fine, whole)\n", "", "codec_agrees_with_msgspec_on_every_byte"),
    ("codec_any.py", "if used < 0 or found != fields + 1:", "if used < 0:", "codec_counts_the_fields"),
    ("codec_any.py", "if used < 0 or tag != load_i64(table + 8):", "if used < 0:", "codec_compares_the_tag"),
    ("order_arena.py", "handle <= 0 or word != handle", "handle <= 0 or word <= 0", "arena_refuses_a_stale_handle"),
    ("order_arena.py", "arena.free_count == 0 or ", "", "arena_never_gives_one_slot_to_two"),
    ("order_arena.py", ", -handle)", ", 0)", "arena_knows_after_a_crash_what_it_gave_out"),
    ("histogram.py", "        store_relaxed(histogram + OUTSIDE", "        (histogram + OUTSIDE",
     "histogram_counts_what_lies_outside"),
    ("journal.py", _CRC, _CRC + _WORD, "journal_record_is_whole_or_absent"),
    ("log_ring.py", _FULL, "        if False:\n", "log_never_overwrites_what_is_unread"),
    ("log_ring.py", _TRIED + _WAITING, _WAITING + _TRIED, "log_claims_no_drop_that_was_none"),
    ("log_ring.py", "waiting < 0 or waiting > reader.records", "False", "log_refuses_words_that_cannot_be_true"),
    ("segment.py", _UNTRACKED, f"{_UNTRACKED}    return _Memory(name, create=create, size=size)\n",
     "segment_is_unknown_to_the_tracker"),
    ("ring.py", "store_release(reader.head, ", "store_relaxed(reader.head, ", "ring_gives_bytes_back_behind_its_loads"),
    ("ring.py", "min(load_acquire(writer.heads[0])", "min(load_relaxed(writer.heads[0])",
     "ring_looks_at_heads_before_it_reuses_bytes"),
    ("log_ring.py", "store_release(reader.ring + HEAD", "store_i64(reader.ring + HEAD", "log_orders_are_as_documented"),
    ("log_ring.py", "writer.head_cached = load_acquire", "writer.head_cached = load_relaxed",
     "log_orders_are_as_documented"),
    ("journal.py", _WORD, _WORD.replace("store_release", "store_i64"), "journal_record_is_stored_behind_its_words"),
    ("control.py", "store_release(control + COMMAND", "store_i64(control + COMMAND",
     "command_is_issued_behind_its_argument"),
    ("order_arena.py", "import load_acquire, ", "import load_relaxed as load_acquire, ",
     "arena_words_are_acquired_and_released"),
    ("checksum.py", "0x82F63B78", "0xEDB88320", "checksum_is_castagnolis"),
]
# fmt: on


def judged(file: str, old: str, new: str, checks: Iterable[str]) -> int:
    """What the checks say of shm with this change."""
    folder = copy_of("shm", file, old, new, others=(ROOT / "tests" / "shm").glob("*.py"))
    return verdict(folder, "shm", "tests.shm.sabotage_checks", checks, wait_s=100)


@pytest.mark.parametrize("rows", [QUICK, pytest.param(SLOW, marks=pytest.mark.slow)], ids=["quick", "slow"])
def test_a_faithful_copy_passes(rows: list[tuple[str, ...]]) -> None:
    assert judged("", "", "", sorted({row[3] for row in rows})) == FINE


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [*(pytest.param(*row) for row in QUICK), *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
    ids=[f"{row[0]}-{row[3]}" for row in QUICK + SLOW],
)
def test_a_guard_taken_out_is_noticed(file: str, old: str, new: str, check: str) -> None:
    assert_noticed(judged(file, old, new, [check]))
