"""REST requests, and what the server does with HTTP that is not as it should be, over real sockets."""

import asyncio

import pytest

from procs.transport import BODY_BYTES_MAX, http, rest, server
from procs.transport.authentication import Credentials
from procs.transport.client import ClientTransport
from procs.transport.rest import parse_request
from tests.procs.wire_events import Events, pair, run
from trader.enums import WireKind

REQUEST, RESPONSE = WireKind.REQUEST, WireKind.RESPONSE


def mirror(both, connection_id, kind, status, payload):
    """Answer with the request line, 200 where the signature is good and 401 where not."""
    if kind == REQUEST:
        both.server.act(connection_id, RESPONSE, 200 if status else 401, 0, payload.split(b"\n")[0])


async def ask(both, request, signed=0, count=1):
    both.client.act(0, REQUEST, signed, 0, memoryview(request))
    return await both.heard_by_client.until(RESPONSE, count)


async def say(port, text):
    """Send raw bytes to the server, return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


def test_signed_request_is_verified_and_an_unsigned_one_is_not():
    async def scenario():
        async with pair(answer=mirror) as both:
            good = await ask(both, b"DELETE /fapi/v1/allOpenOrders?symbol=BTCUSDT\n\n", signed=1)
            plain = await ask(both, b"GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000\n\n", count=2)
            bare = await ask(both, b"POST /fapi/v1/listenKey\n\n", signed=1, count=3)

            assert good[:3] == (0, RESPONSE, 200)
            assert good[3].startswith(b"DELETE /fapi/v1/allOpenOrders?symbol=BTCUSDT&timestamp=")
            assert plain == (0, RESPONSE, 401, b"GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000")
            assert bare[2] == 200
            assert b"x-mbx-apikey: " + both.credentials.api_key.encode() in both.heard_by_server.seen[0][3]

    run(scenario())


@pytest.mark.parametrize("fault", ["another key", "clock 6 s behind", "clock 2 s ahead"])
def test_bad_signature_or_timestamp_is_not_verified(fault):
    async def scenario():
        async with pair(answer=mirror, credentials=Credentials.fresh() if fault == "another key" else None) as both:
            if fault == "another key":
                both.client.credentials.api_key = both.credentials.api_key
            shift_ms = {"another key": 0, "clock 6 s behind": -6_000, "clock 2 s ahead": 2_000}[fault]
            clock_ms = both.client.clock_ms
            both.client.clock_ms = lambda: clock_ms() + shift_ms
            answer = await ask(both, b"GET /fapi/v1/openOrders?symbol=BTCUSDT\n\n", signed=1)

            assert answer[2] == 401

    run(scenario())


def test_headers_and_body_travel_and_replies_keep_their_order():
    async def scenario():
        def answer(both, connection_id, kind, status, payload):
            body = payload.partition(b"\n\n")[2]
            late = 20_000_000 if body == b"0" else 0
            both.server.act(connection_id, RESPONSE, 200, late, body)

        async with pair(answer=answer) as both:
            for number in range(100):
                both.client.act(0, REQUEST, 0, 0, b"POST /echo\nX-Number: %d\n\n%d" % (number, number))
            await both.heard_by_client.until(RESPONSE, 100)

            assert [event[3] for event in both.heard_by_client.seen] == [b"%d" % number for number in range(100)]
            assert b"\nx-number: 99\n" in both.heard_by_server.seen[-1][3]
            assert len(both.server._http) == 1  # one connection, kept alive

    run(scenario())


def test_reply_over_the_cap_and_no_server_are_status_zero():
    async def scenario():
        def answer(both, connection_id, kind, status, payload):
            both.server.act(connection_id, RESPONSE, 200, 0, b"x" * (BODY_BYTES_MAX + (b"/over" in payload)))

        async with pair(answer=answer) as both:
            whole = await ask(both, b"GET /under\n\n")
            over = await ask(both, b"GET /over\n\n", count=2)
            await both.server.close()
            unknown = await ask(both, b"GET /under\n\n", count=3)

            assert (whole[2], len(whole[3])) == (200, BODY_BYTES_MAX)
            assert over == (0, RESPONSE, 0, b"")
            assert unknown == (0, RESPONSE, 0, b"")

    run(scenario())


def test_retry_after_travels_with_the_status():
    async def scenario():
        def answer(both, connection_id, kind, status, payload):
            both.server.act(connection_id, RESPONSE, 418 + 1_000 * 7, 0, b"{}")

        async with pair(answer=answer) as both:
            assert await ask(both, b"GET /banned\n\n") == (0, RESPONSE, 7_418, b"{}")
            text = await say(both.server.port, b"GET / HTTP/1.0\r\n\r\n")
            assert text.startswith(b"HTTP/1.1 418 ")
            assert b"\r\nRetry-After: 7\r\n" in text

    run(scenario())


def test_request_that_the_stage_never_answers_ends_with_504_then_unknown(monkeypatch):
    async def scenario():
        async with pair() as both:
            monkeypatch.setattr(server, "ANSWER_S", 0.02)
            late = await ask(both, b"GET /silence\n\n")
            monkeypatch.setattr(server, "ANSWER_S", 5)
            monkeypatch.setattr(rest, "TIMEOUT_S", 0.02)
            impatient = ClientTransport(Events(), f"http://127.0.0.1:{both.server.port}", None)
            impatient.act(0, REQUEST, 0, 0, b"GET /silence\n\n")
            unknown = await impatient.sink.until(RESPONSE)
            await impatient.close()
            both.server.act(2, RESPONSE, 200, 0, b"to nobody")
            both.server.act(2, RESPONSE, 200, 0, b"to nobody")

            assert late[2] == 504
            assert unknown == (0, RESPONSE, 0, b"")
            assert both.server.frames_dropped == 1

    run(scenario())


def test_pipelined_requests_are_answered_one_after_the_other():
    async def scenario():
        def answer(both, connection_id, kind, status, payload):
            late = 10_000_000 if b"/first" in payload else 0
            both.server.act(connection_id, RESPONSE, 200, late, payload.split(b" ")[1])

        async with pair(answer=answer) as both:
            text = b"GET /first HTTP/1.1\r\nHost: x\r\n\r\nPOST /second HTTP/1.1\r\nContent-Length: 2\r\n\r\nok"
            answers = await say(both.server.port, text + b"GET /third HTTP/1.0\r\n\r\n")

            assert answers.count(b"HTTP/1.1 200 OK") == 3
            assert answers.index(b"/first") < answers.index(b"/second") < answers.index(b"/third")
            assert both.heard_by_server.seen[1][3].endswith(b"\n\nok")

    run(scenario())


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"PATCH / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (http.REQUEST_BODY_BYTES_MAX + 1), 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * http.HEAD_BYTES_MAX, 431),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400),
    ],
)
def test_http_that_is_not_understood_is_refused_and_closed(text, status):
    async def scenario():
        async with pair() as both:
            answer = await say(both.server.port, text)

            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert both.heard_by_server.seen == []

    run(scenario())


def test_next_request_is_never_delivered_from_within_an_answer():
    async def scenario():
        acting = []

        async with pair() as both:

            def answer(connection_id):
                acting.append(connection_id)
                both.server.act(connection_id, RESPONSE, 200, 0, b"{}")
                acting.pop()

            def hear(connection_id, kind, status, payload):
                assert not acting
                asyncio.get_running_loop().call_later(0.002, answer, connection_id)

            both.heard_by_server.answer = hear
            answers = await say(both.server.port, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 3)

            assert answers.count(b"HTTP/1.1 200 OK") == 3

    run(scenario())


def test_request_in_the_wrong_form_fails_the_stage_and_not_silently():
    async def scenario():
        async with pair() as both:
            both.client.act(0, REQUEST, 0, 0, b"nonsense")
            await asyncio.sleep(0.02)
            failures, both.failures = both.failures, []

            assert "allowed `METHOD /path`" in str(failures[0]["exception"])

    run(scenario())


def test_request_text_is_split_into_its_parts():
    request = b"PUT /fapi/v1/listenKey?a=b\nX-One: 1\nX-Two:2\n\nbody\n\nmore"

    expected = ("PUT", "/fapi/v1/listenKey?a=b", {"X-One": "1", "X-Two": "2"}, b"body\n\nmore")
    assert parse_request(request) == expected
