"""What must fail when a guard of shm is taken out: short checks, imported against a patched copy of shm.

Each returns nothing when all is well and raises AssertionError, or crashes its process, when it is not.
"""

import random
from multiprocessing import resource_tracker

import msgspec
import numpy as np

from shm.checksum import checksum
from shm.kernel import address_of_array
from shm.layout import RING_TAIL
from shm.segment import Segment, SegmentError, new_run, segment_name
from tests.shm.areas import aligned
from tests.shm.one_ring import OneRing
from tests.shm.ring_traffic import claim_frame, scribble


def ring_never_takes_stale_bytes_for_a_frame() -> None:
    ring = OneRing(4096, size_max=512)
    writer, reader = ring.writer(), ring.reader()
    sent = 0
    for _ in range(200):
        ring.send(writer, 3)
        assert ring.take(reader) == [sent, sent + 1, sent + 2]
        sent += 3


def ring_never_overwrites_what_a_reliable_consumer_holds() -> None:
    ring = OneRing(4096, size_max=512)
    writer, reader = ring.writer(), ring.reader()
    sent = ring.send(writer, 1000)
    assert ring.take(reader) == list(range(sent))


def ring_commit_touches_only_what_is_free() -> None:
    ring = OneRing(4096, size_max=64)
    writer, reader = ring.writer(), ring.reader()
    sent = ring.send(writer, 1000)
    assert ring.take(reader) == list(range(sent))


def ring_discards_what_was_overwritten_under_a_lossy_consumer() -> None:
    ring = OneRing(4096, lossy=(0,), size_max=512)
    writer, reader = ring.writer(), ring.reader()
    ring.send(writer, 100)
    assert ring.take(reader) == []


def ring_looks_at_intent_behind_its_copy() -> None:
    from tests.shm import test_ring_processes as test

    test.test_no_frame_is_torn_by_a_producer_that_goes_on_after_any_instruction_of_a_lossy_consumer(40)


def ring_discards_what_a_given_up_claim_overwrote() -> None:
    ring = OneRing(4096, lossy=(0,), size_max=64)
    writer, reader = ring.writer(), ring.reader()
    ring.send(writer, 7)
    ring.take(reader)
    ring.send(writer, 55)
    scribble(claim_frame(writer[0], 512), 512, 0x0000_0001_0000_0040)
    claim_frame(ring.writer()[0], 64)
    assert ring.take(reader) == []


def ring_refuses_a_frame_larger_than_an_eighth() -> None:
    assert claim_frame(OneRing(4096).writer()[0], 513) == 0


def ring_successor_counts_the_frame_behind_the_tail() -> None:
    ring = OneRing(4096)
    writer = ring.writer()
    ring.send(writer, 3)
    words = ring.content[:1024].view(np.int64)
    tail = words[RING_TAIL // 8 : RING_TAIL // 8 + 2].copy()
    ring.send(writer, 1)
    words[RING_TAIL // 8 : RING_TAIL // 8 + 2] = tail
    successor = ring.writer()
    ring.send(successor, 1)
    assert ring.take(ring.reader()) == [0, 1, 2, 3, 4]


def slot_is_never_read_half_written() -> None:
    from tests.shm import test_slot

    test_slot.test_a_writer_killed_at_any_instruction_leaves_the_old_or_the_new_and_its_successor_publishes_again()


def slot_copy_is_looked_at_twice() -> None:
    from tests.shm import test_slot

    test_slot.test_no_read_is_torn_by_a_publication_after_any_of_its_instructions()


def log_record_is_whole_or_absent() -> None:
    from tests.shm import test_log_ring as test

    test.test_a_writer_killed_at_any_instruction_leaves_whole_records_and_a_successor_goes_on()


def log_never_overwrites_what_is_unread() -> None:
    from tests.shm import test_log_ring as test

    test.test_what_is_unread_is_never_overwritten()


def log_claims_no_drop_that_was_none() -> None:
    from tests.shm import test_log_ring as test

    test.test_no_drop_is_claimed_and_no_record_torn_by_a_writer_after_any_instruction_of_a_drain()


def log_refuses_words_that_cannot_be_true() -> None:
    from tests.shm.log_traffic import LogRing

    ring = LogRing(8)
    reader = ring.reader()
    ring.words[0] = 9
    try:
        ring.drain(reader)
    except ValueError:
        return
    raise AssertionError("drained")


def cancel_is_done_or_handed_to_a_killed_takers_successor() -> None:
    from tests.shm import test_cancels as test

    test.test_a_taker_killed_at_any_instruction_leaves_its_successor_what_it_had_not_done()


def cancel_asked_for_meanwhile_is_not_taken_for_the_one_that_was_done() -> None:
    from tests.shm import test_cancels as test

    test.test_a_newer_request_for_the_slot_of_the_one_in_hand_is_handed_over_too()


def arena_refuses_a_stale_handle() -> None:
    from tests.shm import test_order_arena

    test_order_arena.test_a_stale_handle_leaves_the_newer_order_in_its_slot_alone()


def arena_never_gives_one_slot_to_two() -> None:
    from shm.order_arena import slot_of, take
    from tests.shm.test_order_arena import new_arena

    arena = new_arena(2)
    handles = [handle for handle in (take(arena) for _ in range(5)) if handle]
    assert len({slot_of.py_func(handle) for handle in handles}) == len(handles)


def arena_knows_after_a_crash_what_it_gave_out() -> None:
    from shm.order_arena import give_back, resume, take
    from tests.shm.test_order_arena import new_arena

    arena = new_arena(2)
    old = take(arena)
    give_back(arena, old)
    arena["generation"] = 0
    resume(arena)
    assert take(arena) >> 12 > old >> 12


def histogram_counts_what_lies_outside() -> None:
    from tests.shm import test_histogram

    test_histogram.test_what_lies_outside_is_counted_at_the_ends()


def codec_reads_nothing_behind_the_end() -> None:
    from tests.shm.codec_calls import compiled_decode, compiled_encode
    from trader.messages import Gap, WireIn

    for message in (Gap(1, 2), Gap(99, 300), WireIn(1, 2, 300, b"payload")):
        for body in (compiled_encode(message), msgspec.msgpack.encode(message)):
            for length in range(len(body)):
                assert compiled_decode(type(message), body[:length])[0] < 0


def codec_agrees_with_msgspec_on_every_byte() -> None:
    from tests.shm import test_codec_properties as test
    from trader.messages import Gap, WireIn

    for kind in (Gap, WireIn):
        test.test_each_byte_replaced_is_refused_or_read_as_msgspec_reads_it(kind)


def codec_counts_the_fields() -> None:
    from tests.shm.codec_calls import compiled_decode
    from trader.messages import Gap

    assert compiled_decode(Gap, b"\x94\x10\x01\x02")[0] < 0


def codec_compares_the_tag() -> None:
    from tests.shm.codec_calls import compiled_decode
    from trader.messages import Gap

    assert compiled_decode(Gap, b"\x93\x0f\x01\x02")[0] < 0


def journal_finds_a_flipped_byte() -> None:
    from tests.shm.test_journal import OneJournal, read, seeded

    journal = OneJournal(1024)
    seeded(journal, 4)
    rng = random.Random(1)
    for _ in range(20):
        content = aligned(1024)
        content[:] = journal.content
        content[rng.randrange(8, journal.used)] ^= 0x10
        assert read(content)[3] == -1


def journal_record_is_whole_or_absent() -> None:
    from tests.shm.test_journal import (
        test_a_writer_killed_at_any_instruction_leaves_whole_records_and_no_damage as killed_anywhere,
    )

    killed_anywhere()


def segment_of_another_layout_is_refused() -> None:
    name = segment_name(new_run(), 1, "noun")
    made = Segment.create(name, 64, layout_hash=1)
    try:
        Segment.attach(name, layout_hash=2).close()
    except SegmentError:
        return
    finally:
        made.unlink()
        made.close()
    raise AssertionError("attached")


def checksum_is_castagnolis() -> None:
    data = np.frombuffer(b"123456789" + bytes(7), np.uint8)
    assert checksum(address_of_array(data), 9) == 0xE3069283


def segment_is_unknown_to_the_tracker() -> None:
    known: list[object] = []
    register = resource_tracker.register
    resource_tracker.register = lambda *arguments: known.append(arguments)  # type: ignore[assignment]
    try:
        made = Segment.create(segment_name(new_run(), 1, "noun"), 64, layout_hash=1)
        Segment.attach(made.name, layout_hash=1).close()
        made.unlink()
        made.close()
    finally:
        resource_tracker.register = register
    assert not known


def ring_gives_bytes_back_behind_its_loads() -> None:
    from tests.shm import test_memory_orders as test

    test.test_a_sole_consumer_stores_its_lines_before_it_releases_them()


def ring_looks_at_heads_before_it_reuses_bytes() -> None:
    from tests.shm import test_memory_orders as test

    test.test_a_claim_acquires_the_consumers_heads_before_it_reuses_their_bytes()


def log_orders_are_as_documented() -> None:
    from tests.shm import test_memory_orders as test

    test.test_a_log_record_counts_behind_its_words_and_its_place_is_free_behind_the_copy()


def journal_record_is_stored_behind_its_words() -> None:
    from tests.shm import test_memory_orders as test

    test.test_a_journal_record_is_there_only_when_its_first_word_is_stored_behind_all_others()


def command_is_issued_behind_its_argument() -> None:
    from tests.shm import test_memory_orders as test

    test.test_a_command_is_issued_behind_its_argument()


def arena_words_are_acquired_and_released() -> None:
    from tests.shm.test_memory_orders import ARENA, I64, events, order_arena

    assert events(order_arena.take, ARENA) == ["store release"]
    assert events(order_arena.slot_word, I64, I64) == ["load acquire"]
