"""Recordings that prove the book, damaged ones that do not, and what is printed of either."""

import gzip

import msgspec
import pytest

from procs.verify import RecordingError, render, verify_recording
from tests.trader.market_frames import depth, snapshot, ticker

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


def test_the_futures_recording_is_proven(trader_data):
    seen = []
    result = verify_recording(trader_data / FUTURES, progress=lambda done, total: seen.append((done, total)))

    facts = (result.messages, result.checked, result.mismatched, result.gaps, result.resyncs, result.bad_frames)
    assert facts == (93_954, 6_545, 0, 0, 0, 0)
    assert (result.symbol, result.market, result.book_state) == ("BTCUSDT", "futures", "LIVE")
    assert result.levels > 440_000
    assert result.proven
    assert seen[-1][0] <= seen[-1][1] == (trader_data / FUTURES).stat().st_size


def test_the_spot_recordings_are_proven_alone_and_joined(trader_data):
    alone = verify_recording(trader_data / SPOT[0])
    assert (alone.checked, alone.mismatched, alone.gaps, alone.market) == (3_449, 0, 0, "spot")
    joined = verify_recording(*(trader_data / name for name in SPOT))
    assert joined.checked > 4_000
    assert (joined.mismatched, joined.gaps, joined.bad_frames) == (0, 0, 0)


@pytest.mark.parametrize("packed", [True, False])
def test_a_made_recording_is_proven_and_rendered(tmp_path, packed):
    result = verify_recording(write(tmp_path / "made", made_frames(), packed=packed))
    assert (result.checked, result.mismatched, result.gaps) == (38, 0, 0)
    text = render(result)
    assert "mismatched  0" in text
    assert text.endswith("proven: every check agrees")
    assert msgspec.json.decode(msgspec.json.encode(result))["checked"] == 38


def test_one_changed_digit_at_the_touch_is_a_mismatch(tmp_path):
    frames = list(made_frames())
    frames[20] = frames[20].replace(b'["100.1","', b'["100.1","7')
    result = verify_recording(write(tmp_path / "wrong", frames))
    assert result.mismatched == 1
    assert result.book_state != "LIVE"
    assert not result.proven
    assert render(result).endswith("NOT PROVEN")


def test_a_missing_update_is_a_gap_and_a_damaged_frame_is_counted(tmp_path):
    frames = list(made_frames())
    del frames[20]
    missing = verify_recording(write(tmp_path / "missing", frames))
    assert (missing.gaps, missing.mismatched, missing.proven) == (1, 0, False)
    frames = list(made_frames())
    frames[21] = frames[21][:-9]
    damaged = verify_recording(write(tmp_path / "damaged", frames))
    assert (damaged.bad_frames, damaged.proven) == (1, False)
    assert damaged.last_fault.startswith("TRUNCATED at byte")


def test_what_is_no_recording_is_refused_by_name(tmp_path):
    with pytest.raises(RecordingError, match="no depth update"):
        verify_recording(write(tmp_path / "empty", [b"{}", b"hello"]))
    whole = write(tmp_path / "cut", made_frames()).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordingError, match="damaged"):
        verify_recording(tmp_path / "cut")
    with pytest.raises(FileNotFoundError):
        verify_recording(tmp_path / "nowhere")
