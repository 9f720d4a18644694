"""WebSocket frames between client and server transports over real sockets."""

import picows
import pytest

from procs.transport import FRAME_BYTES_MAX, WireStatus
from tests.procs.wire_events import pair, run
from trader.enums import WireKind

CONNECTED, FRAME, LOST = WireKind.CONNECTED, WireKind.FRAME, WireKind.LOST


def echo(both, connection_id, kind, status, payload):
    if kind == FRAME:
        both.server.act(connection_id, FRAME, 0, 0, memoryview(payload))


def test_frames_come_back_as_they_went_out():
    async def scenario():
        async with pair(answer=echo) as both:
            await both.connect(path=b"/stream?streams=btcusdt@trade")
            for payload in (b"{}", b"", b"x" * FRAME_BYTES_MAX):
                both.client.act(1, FRAME, 0, 0, memoryview(payload))
            await both.heard_by_client.until(FRAME, 3)

            assert both.heard_by_server.seen[0] == (1, CONNECTED, 0, b"/stream?streams=btcusdt@trade")
            assert [event[3] for event in both.heard_by_client.of(FRAME)] == [b"{}", b"", b"x" * FRAME_BYTES_MAX]

    run(scenario())


def test_ten_thousand_frames_arrive_in_order_both_ways():
    async def scenario():
        async with pair(answer=echo) as both:
            await both.connect()
            expected = [b'{"n":%d,"fill":"%s"}' % (number, b"y" * (number % 700)) for number in range(10_000)]
            for payload in expected:
                both.client.act(1, FRAME, 0, 0, payload)
            await both.heard_by_client.until(FRAME, len(expected))

            assert [event[3] for event in both.heard_by_client.of(FRAME)] == expected
            assert both.client.frames_dropped == 0
            assert both.server.frames_dropped == 0

    run(scenario())


def test_payload_may_change_once_act_has_returned():
    async def scenario():
        async with pair(answer=echo) as both:
            await both.connect()
            buffer = bytearray(b"first")
            both.client.act(1, FRAME, 0, 5_000_000, memoryview(buffer))
            buffer[:] = b"wrong"
            await both.heard_by_client.until(FRAME)

            assert both.heard_by_client.of(FRAME)[0][3] == b"first"

    run(scenario())


@pytest.mark.parametrize("big_side", ["client", "server"])
def test_frame_over_one_mebibyte_ends_the_connection(big_side):
    async def scenario():
        async with pair() as both:
            await both.connect()
            sender = both.client if big_side == "client" else both.server
            sender.act(1, FRAME, 0, 0, b"z" * (FRAME_BYTES_MAX + 1))
            receiver = both.heard_by_server if big_side == "client" else both.heard_by_client
            lost = await receiver.until(LOST)

            assert lost == (1, LOST, WireStatus.TOO_BIG, b"")
            assert receiver.of(FRAME) == []

    run(scenario())


def test_fragments_are_delivered_as_one_message():
    async def scenario():
        async with pair() as both:
            url = f"ws://127.0.0.1:{both.server.port}/ws"
            ws, _ = await picows.ws_connect(picows.WSListener, url)
            ws.send(picows.WSMsgType.TEXT, b"abc", fin=False)
            ws.send(picows.WSMsgType.CONTINUATION, b"def", fin=False)
            ws.send_ping(b"are you there")
            ws.send(picows.WSMsgType.CONTINUATION, b"ghi")
            event = await both.heard_by_server.until(FRAME)
            ws.disconnect()
            await ws.wait_disconnected()

            assert event[3] == b"abcdefghi"

    run(scenario())


def test_endless_fragments_are_cut_off():
    async def scenario():
        async with pair() as both:
            url = f"ws://127.0.0.1:{both.server.port}/ws"
            ws, _ = await picows.ws_connect(picows.WSListener, url)
            ws.send(picows.WSMsgType.TEXT, b"x" * FRAME_BYTES_MAX, fin=False)
            ws.send(picows.WSMsgType.CONTINUATION, b"x", fin=False)
            lost = await both.heard_by_server.until(LOST)
            await ws.wait_disconnected()

            assert lost[2] == WireStatus.TOO_BIG

    run(scenario())
