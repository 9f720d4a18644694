"""`session.logon` between client and server transports over real sockets."""

import asyncio
import json

import picows
import pytest

from procs.transport import WireStatus, client
from procs.transport.authentication import BAD_KEY, BAD_SIGNATURE, BAD_TIMESTAMP, Credentials
from tests.procs.wire_events import Events, pair, run
from trader.enums import WireKind

CONNECT, CONNECTED, AUTHENTICATED, FRAME, LOST = (
    WireKind.CONNECT,
    WireKind.CONNECTED,
    WireKind.AUTHENTICATED,
    WireKind.FRAME,
    WireKind.LOST,
)


class Replies(picows.WSListener):
    """The frames that a bare WebSocket client receives."""

    def __init__(self):
        super().__init__()
        self.queue = asyncio.Queue()

    def on_ws_frame(self, transport, frame):
        if frame.msg_type is picows.WSMsgType.TEXT:
            self.queue.put_nowait(json.loads(frame.get_payload_as_bytes()))


def test_good_key_is_authenticated_on_both_sides_before_any_frame():
    async def scenario():
        def greet(both, connection_id, kind, status, payload):
            if kind == AUTHENTICATED:
                both.server.act(connection_id, FRAME, 0, 0, b"welcome")

        async with pair(authenticate={1}, answer=greet) as both:
            await both.connect(1, b"/ws-fapi/v1")
            await both.heard_by_client.until(FRAME)
            both.client.act(1, FRAME, 0, 0, b'{"method":"order.place"}')
            await both.heard_by_server.until(FRAME)

            assert [event[1] for event in both.heard_by_client.seen] == [CONNECTED, AUTHENTICATED, FRAME]
            assert [event[1] for event in both.heard_by_server.seen] == [CONNECTED, AUTHENTICATED, FRAME]

    run(scenario())


def test_connections_that_need_no_logon_are_open_at_once():
    async def scenario():
        async with pair(authenticate={1}) as both:
            await both.connect(2, b"/ws/listenkey")
            both.client.act(2, FRAME, 0, 0, b"{}")
            await both.heard_by_server.until(FRAME)

            assert [event[1] for event in both.heard_by_client.seen] == [CONNECTED]
            assert both.heard_by_server.of(AUTHENTICATED) == []

    run(scenario())


@pytest.mark.parametrize("fault", ["another key", "stolen name", "clock 6 s behind"])
def test_bad_key_is_lost_with_the_status_and_never_connected(fault):
    async def scenario():
        stranger = None if fault.startswith("clock") else Credentials.fresh()
        async with pair(authenticate={1}, credentials=stranger) as both:
            if fault == "stolen name":
                stranger.api_key = both.credentials.api_key
            if fault == "clock 6 s behind":
                clock_ms = both.client.clock_ms
                both.client.clock_ms = lambda: clock_ms() - 6_000
            both.client.act(1, CONNECT, 0, 0, b"/ws-fapi/v1")
            await both.heard_by_client.until(LOST)
            await both.heard_by_server.until(LOST)
            await asyncio.sleep(0.02)

            assert both.heard_by_client.seen == [(1, LOST, WireStatus.LOGON_REFUSED, b"")]
            assert [event[1] for event in both.heard_by_server.seen] == [CONNECTED, LOST]

    run(scenario())


def test_logon_that_nobody_answers_is_lost_with_a_time_out(monkeypatch):
    async def scenario():
        monkeypatch.setattr(client, "TIMEOUT_S", 0.05)
        listener = await picows.ws_create_server(lambda request: picows.WSListener(), "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        transport = client.ClientTransport(Events(), url, Credentials.fresh(), authenticate={1})
        transport.act(1, CONNECT, 0, 0, b"/ws-fapi/v1")
        await transport.sink.until(LOST)
        await transport.close()
        listener.close()
        await listener.wait_closed()

        assert transport.sink.seen == [(1, LOST, WireStatus.LOGON_TIMEOUT, b"")]

    run(scenario())


def test_server_tells_why_a_logon_was_refused_and_lets_the_client_try_again():
    async def scenario():
        async with pair() as both:
            now_ms = both.client.clock_ms()
            key = both.credentials
            replies = Replies()
            ws, _ = await picows.ws_connect(lambda: replies, f"ws://127.0.0.1:{both.server.port}/ws-fapi/v1")
            forged = json.loads(key.logon_frame("a", now_ms))
            forged["params"]["timestamp"] += 1
            answers = []
            for frame in (
                Credentials.fresh().logon_frame("k", now_ms),
                key.logon_frame("t", now_ms - 60_000),
                json.dumps(forged).encode(),
                key.logon_frame("g", now_ms),
            ):
                ws.send(picows.WSMsgType.TEXT, frame)
                answers.append(await asyncio.wait_for(replies.queue.get(), 5))
            await both.heard_by_server.until(AUTHENTICATED)
            ws.disconnect()
            await ws.wait_disconnected()

            codes = [(answer["id"], answer["status"], answer.get("error", {}).get("code")) for answer in answers]
            assert codes == [
                ("k", 401, BAD_KEY),
                ("t", 401, BAD_TIMESTAMP),
                ("a", 401, BAD_SIGNATURE),
                ("g", 200, None),
            ]
            assert answers[-1]["result"]["apiKey"] == key.api_key
            assert len(both.heard_by_server.of(FRAME)) == 0

    run(scenario())


def test_client_without_a_key_cannot_be_told_to_log_on():
    with pytest.raises(ValueError, match=r"credentials: found none, needed to log on connections \[1\]"):
        client.ClientTransport(Events(), "http://127.0.0.1:1", None, authenticate={1})


def test_base_url_is_checked():
    with pytest.raises(ValueError, match="base_url: found 'ftp://here', allowed http"):
        client.ClientTransport(Events(), "ftp://here", None)
