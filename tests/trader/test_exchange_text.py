"""Texts of the exchange: numbers against decimal, templates against json, scanners on any bytes."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shm.kernel import address_of_array, new_record
from tests.trader.guarded_bytes import GuardedBytes
from trader.exchange.errors import MESSAGES
from trader.exchange.recording import BAD, REPLAY, scan_frame
from trader.exchange.requests import (
    FIELDS,
    FIELDS_COUNT,
    ID,
    METHOD,
    NEW_CLIENT_ID,
    PRICE,
    SYMBOL,
    scan_http,
    scan_json,
)
from trader.exchange.text import MALFORMED, TOO_PRECISE, decimal_at, integer_at, put_decimal, word_at

ROOM = GuardedBytes()
WORDS = b"GET POST PUT DELETE "
ALPHABET = b'{}[]":,\\ \n\tidmethodparamssymbol0123456789.-truefalsnul#?&=/GETPOST\x00\xff'


def written(value: int, decimals: int) -> str:
    room = np.zeros(64, dtype=np.uint8)
    address = address_of_array(room)
    return bytes(room[: put_decimal(address, value, np.int64(decimals)) - address]).decode()


def value_of(fields: np.ndarray, key: int, text: bytes, address: int) -> bytes:
    start = int(fields[0]["start"][key]) - address
    return text[start : start + int(fields[0]["length"][key])] if fields[0]["length"][key] else b""


@given(st.integers(-(10**17), 10**17), st.integers(0, 8))
def test_decimals_are_written_exactly(value: int, decimals: int) -> None:
    assert Decimal(written(value, decimals)) == Decimal(value).scaleb(-decimals)
    assert len(written(value, decimals).partition(".")[2]) == decimals


@given(st.integers(0, 10**9), st.integers(0, 6), st.integers(0, 8), st.integers(0, 4))
def test_decimals_are_read_exactly_or_refused(value: int, places: int, decimals: int, zeros: int) -> None:
    text = f"{Decimal(value).scaleb(-places):f}" + ("0" * zeros if places else "")
    scaled = Decimal(text).scaleb(decimals)
    found = decimal_at(ROOM.at_end(text.encode()), len(text), np.int64(decimals))

    assert found == (int(scaled) if scaled == int(scaled) else TOO_PRECISE)


@pytest.mark.parametrize(
    "text", [b"", b".", b"1.", b".5", b"-1", b"+1", b"1e3", b"1.2.3", b"9" * 19, b"0x1", b"1 ", b"\xff"]
)
def test_texts_that_are_no_decimals_are_malformed(text: bytes) -> None:
    assert decimal_at(ROOM.at_end(text), len(text), np.int64(2)) == MALFORMED
    assert integer_at(ROOM.at_end(text), len(text)) == MALFORMED


def test_words_are_found_whole_only() -> None:
    words = [b"GET", b"POST", b"PUT", b"DELETE", b"GE", b"GETX", b"", b"POSTPUT", b" ", b"DELETE "]

    assert [word_at(WORDS, ROOM.at_end(word), len(word)) for word in words] == [0, 1, 2, 3] + [-1] * 6


def test_error_messages_are_one_line_each_and_safe_in_json() -> None:
    lines = MESSAGES.decode().splitlines()

    assert MESSAGES.endswith(b"\n")
    assert all(line.partition(" ")[0].isdigit() and line.partition(" ")[2] for line in lines)
    assert all(json.loads(f'"{line[5:]}"') == line[5:] for line in lines)


def test_json_request_is_scanned_in_any_order_with_any_extras() -> None:
    text = (
        b' {"extra":{"id":"no","deep":[1,{"params":"x"}]},"params":{"price":1.5,"x":[],"symbol":"BTCUSDT",'
        b'"newClientOrderId":"t17","id":"inner"},\n"method":"order.place","id":"p1"} '
    )
    fields = new_record(FIELDS)
    address = ROOM.at_end(text)

    assert scan_json(fields[0], address, len(text)) == 1
    assert [value_of(fields, key, text, address) for key in (ID, METHOD, SYMBOL, PRICE, NEW_CLIENT_ID)] == [
        b"p1",
        b"order.place",
        b"BTCUSDT",
        b"1.5",
        b"t17",
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b'{"id"}', b'{"id":}', b'{"id":1,}', b'{,"id":1}', b'{"id":1}x', b'{"id":"1}', b'{"a":"\n"}',
        b'{"params":{"a":1}', b'{"a":[1}', b'{"a":' + b"[" * 40 + b"1" + b"]" * 40 + b"}", b"null", b'{"a" 1}',
    ],
)  # fmt: skip
def test_texts_that_are_no_json_objects_are_refused(text: bytes) -> None:
    fields = new_record(FIELDS)

    assert scan_json(fields[0], ROOM.at_end(text), len(text)) == 0


def test_http_request_is_scanned_with_query_headers_and_body() -> None:
    text = b"POST /fapi/v1/order?symbol=BTCUSDT&x=1 HTTP\nHost: a\n\nprice=5.0&newClientOrderId=t1&side"
    fields = new_record(FIELDS)
    address = ROOM.at_end(text)

    assert scan_http(fields[0], address, len(text)) == 1
    start = int(fields[0]["path"]) - address
    assert text[start : start + int(fields[0]["path_length"])] == b"/fapi/v1/order"
    assert [value_of(fields, key, text, address) for key in (PRICE, NEW_CLIENT_ID)] == [b"5.0", b"t1"]


hostile = st.lists(st.sampled_from(list(ALPHABET)), max_size=120).map(bytes) | st.binary(max_size=120)


@settings(max_examples=400)
@given(hostile)
def test_scanners_stay_within_any_bytes_and_note_only_harmless_spans(text: bytes) -> None:
    fields, replay = new_record(FIELDS), new_record(REPLAY)
    for address in (ROOM.at_end(text), ROOM.at_start(text)):
        for scan in (scan_json, scan_http):
            scan(fields[0], address, len(text))
            for key in range(FIELDS_COUNT - 1):
                span = value_of(fields, key, text, address)
                assert all(32 <= byte < 127 and byte not in b'"\\' for byte in span)
        assert scan_frame(replay[0], address, len(text)) in range(BAD, 5)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=6), json_values, max_size=4), st.integers(0, 1))
def test_every_json_object_is_accepted(value: dict[str, object], spaced: int) -> None:
    text = json.dumps(value, separators=(", ", " : ") if spaced else (",", ":")).encode()
    fields = new_record(FIELDS)

    assert scan_json(fields[0], ROOM.at_end(text), len(text)) == 1
