"""Losses, reconnects and peers that misbehave: what the transports tell the stages, over real sockets."""

import asyncio
import socket

import picows

from procs.transport import WireStatus, client
from procs.transport.client import ClientTransport
from tests.procs.wire_events import PATIENCE_S, Events, pair, run
from trader.enums import WireKind

CONNECT, CONNECTED, FRAME, CLOSE, LOST = (
    WireKind.CONNECT,
    WireKind.CONNECTED,
    WireKind.FRAME,
    WireKind.CLOSE,
    WireKind.LOST,
)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_half_closed_peer_is_lost_once():
    async def scenario():
        async with pair() as both:
            await both.connect()
            client_socket = both.client._wires[1].ws.underlying_transport.get_extra_info("socket")
            client_socket.shutdown(socket.SHUT_WR)
            await both.heard_by_server.until(LOST)
            await both.heard_by_client.until(LOST)
            await asyncio.sleep(0.02)

            assert both.heard_by_server.of(LOST) == [(1, LOST, WireStatus.ABNORMAL, b"")]
            assert both.heard_by_client.of(LOST) == [(1, LOST, WireStatus.ABNORMAL, b"")]

    run(scenario())


def test_stopped_server_is_lost_once_and_frames_after_it_are_counted():
    async def scenario():
        async with pair() as both:
            await both.connect(1)
            both.client.act(2, CONNECT, 0, 0, b"/ws")
            await both.heard_by_client.until(CONNECTED, 2)
            await both.server.close()
            await both.heard_by_client.until(LOST, 2)
            await asyncio.sleep(0.02)
            both.client.act(1, FRAME, 0, 0, b"too late")

            lost = sorted(both.heard_by_client.of(LOST))
            assert lost == [(1, LOST, WireStatus.GOING_AWAY, b""), (2, LOST, WireStatus.GOING_AWAY, b"")]
            assert both.client.frames_dropped == 1

    run(scenario())


def test_close_from_either_side_is_lost_once_on_both():
    async def scenario():
        async with pair() as both:
            await both.connect(1)
            both.client.act(1, CLOSE, 0, 0, b"")
            await both.heard_by_server.until(LOST)
            await both.heard_by_client.until(LOST)
            both.client.act(1, CONNECT, 0, 0, b"/again")
            await both.heard_by_server.until(CONNECTED, 2)
            server_id = both.heard_by_server.of(CONNECTED)[-1][0]
            both.server.act(server_id, CLOSE, 0, 0, b"")
            await both.heard_by_server.until(LOST, 2)
            await both.heard_by_client.until(LOST, 2)

            assert server_id != 1  # the freed id rests
            assert [event[2] for event in both.heard_by_client.of(LOST)] == [WireStatus.NORMAL] * 2
            assert [event[2] for event in both.heard_by_server.of(LOST)] == [WireStatus.NORMAL] * 2

    run(scenario())


def test_a_close_in_the_middle_of_a_frame_delivers_no_part_of_it():
    async def scenario():
        async with pair() as both:
            await both.connect(1)
            server_id = both.heard_by_server.of(CONNECTED)[-1][0]
            both.server.act(server_id, FRAME, 0, 0, b'{"whole":1}')
            both.server.act(server_id, CLOSE, WireStatus.ABNORMAL, 0, b'{"half":')
            lost = await both.heard_by_client.until(LOST)

            assert lost[2] == WireStatus.ABNORMAL
            assert [event[3] for event in both.heard_by_client.of(FRAME)] == [b'{"whole":1}']

    run(scenario())


def test_connect_to_nobody_is_lost_and_a_delayed_connect_finds_the_server_back():
    async def scenario():
        sink = Events()
        port = unused_port()
        transport = ClientTransport(sink, f"ws://127.0.0.1:{port}", None)
        await transport.open()
        transport.act(1, CONNECT, 0, 0, b"/ws")
        lost = await sink.until(LOST)
        transport.act(1, CONNECT, 0, 60_000_000, b"/ws")
        listener = await picows.ws_create_server(lambda request: picows.WSListener(), "127.0.0.1", port)
        before = asyncio.get_running_loop().time()
        await sink.until(CONNECTED)
        waited_s = asyncio.get_running_loop().time() - before
        await transport.close()
        listener.close()
        await listener.wait_closed()

        assert lost == (1, LOST, WireStatus.UNREACHABLE, b"")
        assert waited_s > 0.05

    run(scenario())


def test_refused_upgrade_tells_its_http_status():
    async def scenario():
        sink = Events()
        listener = await picows.ws_create_server(lambda request: None, "127.0.0.1", 0)
        transport = ClientTransport(sink, f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}", None)
        transport.act(1, CONNECT, 0, 0, b"/nowhere")
        lost = await sink.until(LOST)
        await transport.close()
        listener.close()
        await listener.wait_closed()

        assert lost == (1, LOST, 404, b"")

    run(scenario())


def test_close_cancels_a_connect_that_still_waits():
    async def scenario():
        async with pair() as both:
            both.client.act(1, CONNECT, 0, 10_000_000, b"/ws")
            both.client.act(1, CLOSE, 0, 0, b"")
            lost = await both.heard_by_client.until(LOST)
            await asyncio.sleep(0.03)

            assert lost[2] == WireStatus.NORMAL
            assert both.heard_by_server.seen == []

    run(scenario())


def test_connect_replaces_a_connection_without_a_loss():
    async def scenario():
        async with pair() as both:
            await both.connect(1)
            both.client.act(1, CONNECT, 0, 0, b"/second")
            await both.heard_by_client.until(CONNECTED, 2)
            await both.heard_by_server.until(LOST)
            await asyncio.sleep(0.02)

            assert both.heard_by_client.of(LOST) == []
            assert [event[3] for event in both.heard_by_server.of(CONNECTED)] == [b"/stream?streams=a/b", b"/second"]

    run(scenario())


def test_what_the_stage_raises_reaches_the_exception_handler_and_ends_the_connection():
    async def scenario():
        def fail(both, connection_id, kind, status, payload):
            if kind == FRAME:
                raise RuntimeError("the stage fell over")

        async with pair(answer=fail) as both:
            await both.connect()
            both.client.act(1, FRAME, 0, 0, b"{}")
            async with asyncio.timeout(PATIENCE_S):
                await both.heard_by_client.until(LOST)
            raised, both.failures = both.failures, []

            assert [str(context["exception"]) for context in raised] == ["the stage fell over"]

    run(scenario())


def test_client_that_does_not_read_clears_writable_and_is_dropped_at_the_cap():
    async def scenario():
        async with pair(backlog_bytes_max=8 << 20) as both:
            stuck = socket.create_connection(("127.0.0.1", both.server.port))
            stuck.sendall(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            await both.heard_by_server.until(CONNECTED)
            assert both.server.writable.is_set()
            was_clear = False
            for _ in range(400):
                both.server.act(1, FRAME, 0, 0, b"m" * 65_536)
                was_clear |= not both.server.writable.is_set()
            await both.heard_by_server.until(LOST)
            stuck.close()

            assert was_clear
            assert both.server.writable.is_set()
            assert both.server.clients_dropped == 1

    run(scenario())


def test_client_that_catches_up_sets_writable_again_and_misses_nothing():
    async def scenario():
        async with pair() as both:
            await both.connect()
            for _ in range(200):
                both.server.act(1, FRAME, 0, 0, b"m" * 65_536)
            assert not both.server.writable.is_set()
            await asyncio.wait_for(both.server.writable.wait(), PATIENCE_S)
            await both.heard_by_client.until(FRAME, 200)

            assert both.server.clients_dropped == 0

    run(scenario())


def test_sixty_four_clients_are_one_too_many():
    async def scenario():
        async with pair() as both:
            for connection_id in range(64):
                both.client.act(connection_id, CONNECT, 0, 0, b"/ws")
            await both.heard_by_server.until(CONNECTED, 63)
            lost = await both.heard_by_client.until(LOST)

            assert lost[2] == WireStatus.TRY_AGAIN_LATER
            assert sorted(event[0] for event in both.heard_by_server.of(CONNECTED)) == list(range(1, 64))

    run(scenario())


def test_server_that_never_answers_the_upgrade_is_given_up_and_can_be_left(monkeypatch):
    async def scenario():
        monkeypatch.setattr(client, "TIMEOUT_S", 0.05)
        accepted = []
        silent = await asyncio.start_server(lambda reader, writer: accepted.append(writer), "127.0.0.1", 0)
        transport = ClientTransport(Events(), f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}", None)
        transport.act(1, CONNECT, 0, 0, b"/ws")
        unreachable = await transport.sink.until(LOST)
        transport.act(1, CONNECT, 0, 0, b"/ws")
        await asyncio.sleep(0.01)
        transport.act(1, CLOSE, 0, 0, b"")
        closed = await transport.sink.until(LOST, 2)
        await asyncio.sleep(0.1)
        await transport.close()
        for writer in accepted:
            writer.close()
        silent.close()

        assert unreachable == (1, LOST, WireStatus.UNREACHABLE, b"")
        assert closed == (1, LOST, WireStatus.NORMAL, b"")
        assert len(transport.sink.seen) == 2

    run(scenario())


def test_nothing_is_heard_after_close():
    async def scenario():
        async with pair() as both:
            await both.connect()
            both.server.act(1, FRAME, 0, 0, b"late")
            await both.client.close()
            await both.server.close()
            count = len(both.heard_by_client.seen), len(both.heard_by_server.seen)
            both.client.act(1, CONNECT, 0, 0, b"/ws")
            await asyncio.sleep(0.02)

            assert (len(both.heard_by_client.seen), len(both.heard_by_server.seen)) == count
            assert both.heard_by_client.of(LOST) == []

    run(scenario())


def test_close_code_of_the_peer_is_told_even_a_private_one():
    async def scenario():
        async with pair() as both:
            ws, _ = await picows.ws_connect(picows.WSListener, f"ws://127.0.0.1:{both.server.port}/ws")
            ws.send(picows.WSMsgType.CLOSE, (4001).to_bytes(2, "big") + b"bye")
            lost = await both.heard_by_server.until(LOST)
            await ws.wait_disconnected()

            assert lost == (1, LOST, 4001, b"")

    run(scenario())
