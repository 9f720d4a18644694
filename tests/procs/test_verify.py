"""Recordings that prove the book, damaged ones that do not, and what is printed of either."""

import gzip
import json

import msgspec
import pytest
import zstandard
from click.testing import CliRunner

from procs.cli.book import book
from procs.verify import RecordingError, verify_recording
from procs.verify_report import render
from tests.procs.kraken_recording import second_version
from tests.trader.market_frames import depth, snapshot, ticker
from tests.trader.venue_frames import unquoted

FUTURES = "binance/usdm_btcusdt_20240808.gz"
SPOT = ("binance/spot_btcusdt_20240808.gz", "binance/spot_btcusdt_20240809.gz")


def write(path, frames, *, packed=True):
    text = b"".join(b"%d %s\n" % (1_000_000 * turn, frame) for turn, frame in enumerate(frames))
    path.write_bytes(gzip.compress(text) if packed else text)
    return path


def made_frames():
    yield depth([("100.1", "1.0")], [], first=1, last=10)
    yield snapshot([("100.0", "1.0"), ("99.9", "4.0")], [("100.2", "2.0")], last=5)
    for turn in range(1, 40):
        size = f"{1 + turn % 3}.0"
        yield depth([("100.1", size)], [], first=10 * turn + 1, last=10 * turn + 10, previous=10 * turn)
        yield ticker("100.1", size, "100.2", "2.0", update_id=10 * turn + 10)


def cryptofeed(path, frames, replies=()):
    """The same frames as cryptofeed writes them: replies first, whatever their time."""
    rows = [{"t": "header", "format": 2, "exchange": "X"}]
    rows += [{"t": "http", "conn": "x", "ts": ts, "url": url, "data": data} for ts, url, data in replies]
    rows.append({"t": "connect", "conn": "x.ws", "ts": 0.5, "addr": "wss://x"})
    rows += [{"t": "recv", "conn": "x.ws", "ts": 1 + turn / 1000, "data": frame.decode()} for turn, frame in frames]
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    path.write_bytes(zstandard.compress(text))
    return path


def test_the_futures_recording_is_proven(trader_data):
    seen = []
    result = verify_recording(trader_data / FUTURES, progress=lambda done, total: seen.append((done, total)))

    facts = (result.messages, result.checked, result.mismatched, result.gaps, result.resyncs, result.bad_frames)
    assert facts == (93_954, 6_545, 0, 0, 0, 0)
    (symbol,) = result.symbols
    assert (result.venue, result.market, symbol.symbol, symbol.book_state) == ("binance", "usdm", "BTCUSDT", "LIVE")
    assert result.levels > 440_000
    assert result.proven
    assert seen[-1][0] <= seen[-1][1] == (trader_data / FUTURES).stat().st_size


def test_the_spot_recordings_are_proven_alone_and_joined(trader_data):
    alone = verify_recording(trader_data / SPOT[0])
    assert (alone.checked, alone.mismatched, alone.gaps, alone.market) == (3_449, 0, 0, "spot")
    joined = verify_recording(*(trader_data / name for name in SPOT))
    assert joined.checked == 4_097
    assert (joined.mismatched, joined.gaps, joined.bad_frames) == (0, 0, 0)
    assert joined.resyncs == 1, "the touch left what the one snapshot of the recording told of"


@pytest.mark.parametrize(("name", "checked", "undecided"), [("BINANCE", 141, 30), ("BINANCE_FUTURES", 720, 32)])
def test_recordings_of_several_symbols_in_another_format_are_proven(trader_data, name, checked, undecided):
    result = verify_recording(trader_data / f"cryptofeed/{name}.jsonl.zst")
    assert (result.checked, result.mismatched, result.gaps, result.bad_frames) == (checked, 0, 0, 0)
    assert result.undecided == undecided
    assert [symbol.book_state for symbol in result.symbols] == ["LIVE"] * 4


def test_whole_books_are_ordered_and_never_crossed(trader_data):
    result = verify_recording(trader_data / "hyperliquid/hyperliquid_btcusd_20250126.gz")
    assert (result.messages, result.levels, result.checked, result.mismatched) == (55, 1_840, 46, 0)
    assert (result.gaps, result.resyncs, result.bad_frames) == (0, 0, 0)
    (symbol,) = result.symbols
    assert (symbol.symbol, symbol.book_state, symbol.bid_levels, symbol.ask_levels) == ("BTC", "LIVE", 20, 20)


@pytest.mark.parametrize(
    ("name", "venue", "messages", "checked", "symbols"),
    [("KRAKEN", "kraken_v1", 4_430, 4_269, 10), ("OKX", "okx", 410, 290, 3)],
)
def test_every_recorded_checksum_agrees(trader_data, name, venue, messages, checked, symbols):
    result = verify_recording(trader_data / f"cryptofeed/{name}.jsonl.zst")
    assert (result.venue, result.messages, result.checked, result.mismatched) == (venue, messages, checked, 0)
    assert (result.gaps, result.resyncs, result.bad_frames, result.undecided) == (0, 0, 0, 0)
    assert [symbol.book_state for symbol in result.symbols] == ["LIVE"] * symbols


@pytest.mark.parametrize("stripped", [False, True])
def test_the_same_checksums_agree_on_the_second_version_of_the_stream(trader_data, tmp_path, stripped):
    frames = second_version(trader_data / "cryptofeed/KRAKEN.jsonl.zst", stripped=stripped)
    result = verify_recording(write(tmp_path / "second", frames))
    assert (result.venue, result.checked, result.mismatched, result.bad_frames) == ("kraken", 4_269, 0, 0)
    assert [symbol.book_state for symbol in result.symbols] == ["LIVE"] * 10


def test_the_documented_checksum_example_agrees_and_a_changed_digit_does_not(tmp_path):
    asks = (
        ("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"), ("45289.6", "1.54560911"),
        ("45290.2", "0.15890660"), ("45291.8", "1.54553491"), ("45294.7", "0.04454749"), ("45296.1", "0.35380000"),
        ("45297.5", "0.09945542"), ("45299.5", "0.18772827"),
    )  # fmt: skip
    bids = (
        ("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"), ("45281.0", "0.10000000"),
        ("45280.3", "1.54592586"), ("45279.0", "0.07990000"), ("45277.6", "0.03310103"), ("45277.5", "0.30000000"),
        ("45277.3", "1.54602737"), ("45276.6", "0.15445238"),
    )  # fmt: skip
    sides = {name: [{"price": price, "qty": size} for price, size in side] for name, side in
             (("bids", bids), ("asks", asks))}  # fmt: skip
    book = {"symbol": "BTC/USD", **sides, "checksum": 3310070434}
    frame = unquoted({"channel": "book", "type": "snapshot", "data": [book]})
    result = verify_recording(write(tmp_path / "example", [frame]))
    assert (result.checked, result.mismatched, result.symbols[0].book_state) == (1, 0, "LIVE")
    changed = frame.replace(b"0.15445238", b"0.15445239")
    result = verify_recording(write(tmp_path / "changed", [frame, changed]))
    assert (result.checked, result.mismatched, result.resyncs) == (2, 1, 1)
    assert result.symbols[0].book_state == "SYNCING"


@pytest.mark.parametrize("packed", [True, False])
def test_a_made_recording_is_proven_and_rendered(tmp_path, packed):
    result = verify_recording(write(tmp_path / "made", made_frames(), packed=packed))
    assert (result.checked, result.mismatched, result.gaps) == (38, 0, 0)
    text = render(result)
    assert "mismatched  0" in text
    assert text.endswith("proven: every check agrees")
    assert msgspec.json.decode(msgspec.json.encode(result))["checked"] == 38


def test_formats_are_told_by_content_and_replies_find_their_symbol(tmp_path):
    made = list(made_frames())
    frames = [(turn, frame) for turn, frame in enumerate(made) if b"lastUpdateId" not in frame]
    other = [(turn, frame.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt")) for turn, frame in frames]
    url = "https://fapi.binance.com/fapi/v1/depth?symbol={}&limit=1000"
    replies = [(1.0011, url.format(symbol), made[1].decode()) for symbol in ("ETHUSDT", "BTCUSDT", "XRPUSDT")]
    both = cryptofeed(tmp_path / "recording.bin", sorted(frames + other, key=lambda row: row[0]), replies)
    result = verify_recording(both)

    assert (result.checked, result.mismatched, result.gaps, result.messages) == (76, 0, 0, 158)
    assert [(symbol.symbol, symbol.checked) for symbol in result.symbols] == [("BTCUSDT", 38), ("ETHUSDT", 38)]


def test_a_symbol_and_a_tick_that_come_late_are_seen(tmp_path):
    frames = list(made_frames())
    late = [frame.replace(b"BTCUSDT", b"ETHUSDT").replace(b'"100.1"', b'"100.125"') for frame in frames]
    padded = frames + [b'{"result":null,"id":1}'] * 400 + late
    result = verify_recording(write(tmp_path / "late", padded))
    assert [(symbol.symbol, symbol.checked) for symbol in result.symbols] == [("BTCUSDT", 38), ("ETHUSDT", 38)]
    assert (result.mismatched, result.bad_frames) == (0, 0)


def test_one_changed_digit_at_the_touch_is_a_mismatch(tmp_path):
    frames = list(made_frames())
    frames[20] = frames[20].replace(b'["100.1","', b'["100.1","7')
    result = verify_recording(write(tmp_path / "wrong", frames))
    assert result.mismatched == 1
    assert result.symbols[0].book_state != "LIVE"
    assert not result.proven
    assert "WRONG" in render(result)


def test_a_missing_update_is_a_gap_and_a_damaged_frame_is_counted(tmp_path):
    frames = list(made_frames())
    del frames[20]
    missing = verify_recording(write(tmp_path / "missing", frames))
    assert (missing.gaps, missing.mismatched, missing.proven) == (1, 0, False)
    assert "updates are missing" in render(missing)
    frames = list(made_frames())
    frames.append(frames[-1][:-9])
    damaged = verify_recording(write(tmp_path / "damaged", frames))
    assert (damaged.bad_frames, damaged.mismatched, damaged.proven) == (1, 0, False)
    assert damaged.last_fault.startswith("TRUNCATED at byte")
    assert "frames were refused" in render(damaged)


def test_what_is_no_recording_is_refused_by_name(tmp_path):
    with pytest.raises(RecordingError, match="no order book of a known venue"):
        verify_recording(write(tmp_path / "empty", [b"{}", b"hello"]))
    (tmp_path / "text").write_bytes(b"hello")
    with pytest.raises(RecordingError, match="found 'hello', allowed"):
        verify_recording(tmp_path / "text")
    whole = write(tmp_path / "cut", made_frames()).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordingError, match="damaged"):
        verify_recording(tmp_path / "cut")
    lines = zstandard.decompress(cryptofeed(tmp_path / "lines", []).read_bytes())
    (tmp_path / "lines").write_bytes(lines + b"{not json\n")
    with pytest.raises(RecordingError, match="line 3"):
        verify_recording(tmp_path / "lines")
    with pytest.raises(FileNotFoundError):
        verify_recording(tmp_path / "nowhere")


def test_the_command_fails_on_a_mismatch_alone_and_writes_its_result(tmp_path):
    frames = list(made_frames())
    changed = [*frames[:20], frames[20].replace(b'["100.1","', b'["100.1","7'), *frames[21:]]
    out = tmp_path / "result.json"
    for name, given, status in (("good", frames, 0), ("gap", [*frames[:20], *frames[21:]], 0), ("wrong", changed, 1)):
        run = CliRunner().invoke(book, [str(write(tmp_path / name, given)), "--verify", "--json", str(out)])
        assert (name, run.exit_code) == (name, status)
        result = msgspec.json.decode(out.read_bytes())
        assert {"messages", "levels", "checked", "mismatched", "gaps", "resyncs", "ns_per_message"} <= set(result)
        assert (result["mismatched"] > 0) == bool(status)


def test_coin_margined_futures_are_proven_like_the_others(tmp_path):
    made = [frame.replace(b"BTCUSDT", b"BTCUSD_PERP").replace(b"btcusdt", b"btcusd_perp") for frame in made_frames()]
    made = [frame.replace(b'"s":"BTCUSD_PERP"', b'"s":"BTCUSD_PERP","ps":"BTCUSD"') for frame in made]
    reply = made[1].replace(b'{"lastUpdateId"', b'{"symbol":"BTCUSD_PERP","pair":"BTCUSD","lastUpdateId"')
    url = "https://dapi.binance.com/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000"
    frames = [(turn, frame) for turn, frame in enumerate(made) if turn != 1]
    result = verify_recording(cryptofeed(tmp_path / "coinm", frames, [(1.0011, url, reply.decode())]))
    assert (result.market, result.symbols[0].symbol) == ("coinm", "BTCUSD_PERP")
    assert (result.checked, result.mismatched, result.gaps, result.bad_frames) == (38, 0, 0, 0)
