"""WebSocket frames written by compiled code: read back by a plain reader of RFC 6455, and by picows over a socket."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from procs.transport.framing import HEADER_BYTES_MAX, SPARE_BYTES, frame_bytes, mask_of, write_frame
from shm.kernel import address_of_array, kernel
from tests.procs.wire_events import pair, run
from trader.enums import WireKind

FRAME = WireKind.FRAME


@kernel
def written(at, payload, length, masked, counter):
    """A frame with the mask of a counter's value: where it ends, and how long it was said to be."""
    return write_frame(at, payload, length, masked, mask_of(counter)), frame_bytes(length, masked)


@kernel
def mask(counter):
    """mask_of, from Python."""
    return mask_of(counter)


def frame(payload: bytes, masked: int, counter: int = 7) -> bytes:
    """One frame; nothing is written behind its spare room."""
    text = np.frombuffer(payload or b"\0", np.uint8)
    room = np.full(len(payload) + HEADER_BYTES_MAX + 2 * SPARE_BYTES, 0xEE, np.uint8)
    end, told = written(address_of_array(room), address_of_array(text), len(payload), masked, counter)
    length = end - address_of_array(room)
    assert length == told
    assert (room[length + SPARE_BYTES :] == 0xEE).all()
    return room[:length].tobytes()


def read_back(data: bytes) -> list[tuple[int, bool, bytes]]:
    """(first byte, masked, payload) of frames that lie back to back, by the letter of RFC 6455."""
    found = []
    while data:
        first, second, data = data[0], data[1], data[2:]
        length = second & 0x7F
        size = {126: 2, 127: 8}.get(length, 0)
        if size:
            length, data = int.from_bytes(data[:size], "big"), data[size:]
        key = b"\0\0\0\0"
        if second & 0x80:
            key, data = data[:4], data[4:]
        payload, data = data[:length], data[length:]
        assert len(payload) == length
        found.append((first, bool(second & 0x80), bytes(b ^ key[i & 3] for i, b in enumerate(payload))))
    return found


@given(st.lists(st.tuples(st.binary(max_size=700), st.integers(0, 1)), min_size=1, max_size=5))
@example([(b"x" * 125, 1), (b"y" * 126, 1), (b"z" * 127, 0)])
@example([(b"x" * 65_535, 1), (b"y" * 65_536, 1), (b"z" * 65_536, 0)])
def test_frames_are_read_back_as_they_were_written(frames: list[tuple[bytes, int]]) -> None:
    data = b"".join(frame(payload, masked, 1 + place) for place, (payload, masked) in enumerate(frames))

    assert read_back(data) == [(0x81, bool(masked), payload) for payload, masked in frames]


def test_masks_repeat_their_four_bytes_and_no_mask_is_used_twice() -> None:
    masks = [mask(counter) & (1 << 64) - 1 for counter in range(10_000)]

    assert all(value >> 32 == value & 0xFFFFFFFF for value in masks)
    assert len(set(masks)) > 9_990, "thirty-two bits of ten thousand masks"


def test_many_frames_in_one_write_arrive_one_by_one_on_both_sides():
    payloads = [b'{"n":%d,"fill":"%s"}' % (number, b"y" * (number % 400)) for number in range(2_000)]

    async def scenario():
        async with pair() as both:
            await both.connect()
            ours = b"".join(frame(payload, 1, place) for place, payload in enumerate(payloads))
            theirs = b"".join(frame(payload, 0) for payload in payloads)
            both.client.send(1, memoryview(ours), len(payloads))
            await both.heard_by_server.until(FRAME, len(payloads))
            (server_id,) = {event[0] for event in both.heard_by_server.of(FRAME)}
            both.server.send(server_id, memoryview(theirs), len(payloads))
            await both.heard_by_client.until(FRAME, len(payloads))

            assert [event[3] for event in both.heard_by_server.of(FRAME)] == payloads
            assert [event[3] for event in both.heard_by_client.of(FRAME)] == payloads

    run(scenario())


def test_what_the_kernel_does_not_take_at_once_follows_in_order_behind_it():
    payload = b"x" * 60_000
    frames = memoryview(frame(payload, 0) * 200)

    async def scenario():
        async with pair() as both:
            await both.connect()
            server_id = (await both.heard_by_server.until(WireKind.CONNECTED))[0]
            both.server.send(server_id, frames, 200)
            assert not both.server.writable.is_set(), "the rest waits in the transport"
            both.server.act(server_id, FRAME, 0, 0, b"last")
            both.server.send(server_id, memoryview(frame(b"very last", 0)), 1)
            await both.heard_by_client.until(FRAME, 202)
            heard = [event[3] for event in both.heard_by_client.of(FRAME)]

            assert heard == [payload] * 200 + [b"last", b"very last"]

    run(scenario())


def test_frames_for_a_connection_that_is_gone_are_counted():
    async def scenario():
        async with pair() as both:
            await both.connect()
            both.client.act(1, WireKind.CLOSE, 0, 0, b"")
            both.client.send(1, memoryview(frame(b"late", 1) * 3), 3)
            both.server.send(9, memoryview(frame(b"late", 0) * 2), 2)

            assert (both.client.frames_dropped, both.server.frames_dropped) == (3, 2)

    run(scenario())
