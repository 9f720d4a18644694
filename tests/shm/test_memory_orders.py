"""The generated code's memory orders: x86 moves prove nothing about other processors, so LLVM's own text is read."""

import re
from typing import Any

import pytest
from numba import from_dtype, types
from numba.core.registry import CPUDispatcher

from shm import cancels, control, doorbell, histogram, journal, log_ring, order_arena, ring, ring_lossy, slot
from shm.layout import RING_CONSUMERS_MAX

I64 = types.int64
WRITER, READER = from_dtype(ring.WRITER), from_dtype(ring.READER)
SLOT_WRITER, SLOT_READER = from_dtype(slot.SLOT_WRITER), from_dtype(slot.SLOT_READER)
CANCEL_READER, JOURNAL = from_dtype(cancels.CANCEL_READER), from_dtype(journal.JOURNAL)
LOG_WRITER, LOG_READER = from_dtype(log_ring.LOG_WRITER), from_dtype(log_ring.LOG_READER)
ARENA = from_dtype(order_arena.ARENA)

HANDED_OVER = ["store monotonic", "store release"]

_EVENT = re.compile(
    r"(?P<load>= load atomic [^\n]*?(?P<load_order>acquire|monotonic|seq_cst),)"
    r"|(?P<store>\bstore atomic [^\n]*?(?P<store_order>release|monotonic|seq_cst),)"
    r"|(?P<fence>\bfence (?P<fence_order>\w+))"
    r"|(?P<modify>atomicrmw (?:volatile )?(?P<operation>\w+) [^\n]*?(?P<modify_order>seq_cst|acq_rel|acquire|release))"
    r"|(?P<replace>cmpxchg [^\n]*?(?P<replace_order>seq_cst) seq_cst)"
    r"|(?P<copy>call void @llvm\.memcpy)"
)


def events(kernel: Any, *arguments: Any) -> list[str]:
    """Atomic accesses, fences and copies of a kernel in the order of its optimized code."""
    options = {"nopython": True, "nogil": True, "error_model": "numpy"}
    bare = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher = CPUDispatcher(py_func=kernel.py_func, targetoptions={**options, **bare})
    dispatcher.compile(arguments)
    text = next(iter(dispatcher.overloads.values())).library.get_llvm_str()
    found = []
    for match in _EVENT.finditer(text):
        kind = next(name for name in ("load", "store", "fence", "modify", "replace", "copy") if match[name])
        order = match[f"{kind}_order"] if kind != "copy" else ""
        found.append(" ".join(part for part in (match["operation"] if kind == "modify" else kind, order) if part))
    return found


def once(found: list[str]) -> list[str]:
    """Without repetitions: a loop may be unrolled."""
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("kernel", "arguments", "expected"),
    [
        # The next commit word is zero, and the frame complete, before the frame is there, and a word further on only
        # then: in both ways through a commit. A ring of lossy consumers stores its tail, behind its sequence.
        (ring.commit, (WRITER, I64, I64, I64, I64), [*[*HANDED_OVER, "store monotonic"] * 2, *HANDED_OVER]),
        (ring._pad, (WRITER, I64), HANDED_OVER),
        (ring._store_tail, (WRITER,), HANDED_OVER),
        (ring.abort, (WRITER,), ["store monotonic"]),
        # The consumer is through with the bytes before the producer may overwrite them.
        (ring.release, (READER,), HANDED_OVER),
        (slot.slot_claim, (SLOT_WRITER, I64), ["load monotonic", "store monotonic", "fence release"]),
        (slot.slot_commit, (SLOT_WRITER, I64, I64, I64, I64), ["load monotonic", "store release", "store release"]),
        (cancels._take_word, (CANCEL_READER,), ["xchg seq_cst", "xchg seq_cst"]),
        # A newer request in the slot is not taken out with the one that was done.
        (cancels._done, (CANCEL_READER,), ["replace seq_cst"]),
        # A slot's word is all that another process looks at.
        (order_arena.take, (ARENA,), ["store release"]),
        (order_arena.give_back, (ARENA, I64), ["store release"]),
        (order_arena.slot_word, (I64, I64), ["load acquire"]),
        (doorbell._wake, (I64, I64), ["xchg seq_cst", "load acquire"]),
        (doorbell.sleep_in_futex, (I64, I64, I64), ["store release"]),
        (control.acknowledge_command, (I64, I64), ["store release"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_a_kernel_has_exactly_its_documented_orders(
    kernel: Any, arguments: tuple[Any, ...], expected: list[str]
) -> None:
    assert events(kernel, *arguments) == expected


def test_a_claim_announces_what_it_will_overwrite_and_fences_before_it_does() -> None:
    found = events(ring.claim, WRITER, I64)
    at = found.index("fence release")

    assert found[at - 1 : at + 1] == ["store monotonic", "fence release"]
    assert found.count("fence release") == 1


def test_a_claim_acquires_the_consumers_heads_before_it_reuses_their_bytes() -> None:
    assert events(ring._refresh, WRITER) == ["load acquire"] * RING_CONSUMERS_MAX


def test_a_reliable_consumer_acquires_every_commit_word() -> None:
    lossy = events(ring_lossy.poll_lossy, READER)
    both = events(ring.poll, READER)

    assert sorted(both) == sorted([*lossy, "load acquire", "load acquire"])
    assert events(ring.take, READER, I64)[:2] == ["load acquire", "load acquire"]


def test_a_sole_consumer_stores_its_lines_before_it_releases_them() -> None:
    """Neither is left out as a store that changes nothing, and both lie between commit word and release."""
    stored = events(ring._own, I64, I64)

    assert stored[:2] == ["load monotonic", "store monotonic"]
    assert set(stored) == {"load monotonic", "store monotonic"} and len(stored) >= 4
    assert set(events(ring.advance, READER, I64)) == {"load monotonic", "store monotonic"}
    assert events(ring.release_at, READER, I64, I64) == HANDED_OVER


def test_a_lossy_consumer_looks_at_intent_only_after_its_copy() -> None:
    found = events(ring_lossy.poll_lossy, READER)

    assert found[:4] == ["load acquire", "copy", "fence acquire", "load monotonic"]
    assert set(found[4:]) <= {"load acquire"}


def test_a_slots_second_look_comes_after_the_copy() -> None:
    found = events(slot._scan, SLOT_READER)

    assert once(found) == ["load acquire", "copy", "fence acquire", "load monotonic"]


def test_a_cancel_request_writes_the_id_then_the_bit_then_the_summary() -> None:
    found = events(cancels.request_cancel, I64, I64, I64)
    found.remove("add seq_cst")

    assert found == ["store release", "or seq_cst", "or seq_cst"]


def test_a_waker_fences_between_publishing_and_looking_for_a_sleeper() -> None:
    assert events(doorbell.wake, I64, I64)[:2] == ["fence seq_cst", "load monotonic"]


def test_a_journal_record_is_there_only_when_its_first_word_is_stored_behind_all_others() -> None:
    found = events(journal.append, JOURNAL, I64, I64, I64, I64, I64)

    assert found == ["copy", "store release"]


def test_a_log_record_counts_behind_its_words_and_its_place_is_free_behind_the_copy() -> None:
    written = events(log_ring.log_record, LOG_WRITER, *[I64] * 8)
    drained = events(log_ring.drain_log, LOG_READER, I64, I64)

    assert sorted(written)[0] == "load acquire" and len(written) >= 3
    assert set(sorted(written)[1:]) == {"store release"}
    assert once(drained) == ["load acquire", "copy", "store release"]
    assert drained[-1] == "store release"


def test_a_histograms_total_is_released_behind_its_counters_and_every_word_is_stored_whole() -> None:
    found = events(histogram.record, I64, I64)

    assert sorted(found) == ["store monotonic"] * 4 + ["store release"]


def test_a_command_is_issued_behind_its_argument() -> None:
    assert events(control._issue, I64, I64, I64) == ["load acquire", "store release", "store release"]
