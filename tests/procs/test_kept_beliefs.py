"""What the volatility stage has learned outlives it: kept whole, put back bit for bit, refused clearly."""

import logging
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from procs.kept_beliefs import KeptBeliefs, KeptError, file_name, pack, unpack
from procs.state_dir import StateDir
from tests.procs.test_volatility import LINK, give_walk, make_stage
from trader.enums import BeliefState
from trader.volatility import VolatilityConfig

SYMBOLS = ("BTCUSDT", "ETHUSDT")
KNOBS = {"method": "particle", "particle_count": 1024, "prior_bps": 1.0}
NOW_NS = 1_800_000_000_000_000_000


def keeper_of(stage, folder: Path, **knobs) -> KeptBeliefs:
    return KeptBeliefs(StateDir(folder), VolatilityConfig(**KNOBS, **knobs), SYMBOLS, stage.state)


@pytest.fixture
def taught(tmp_path):
    """A stage that has learned two different symbols, and its keeper, which has saved them."""
    stage = make_stage(symbols=2, **KNOBS)
    for symbol_id, scale in enumerate((0.5, 2.0)):
        give_walk(stage, 1_000, scale * np.random.default_rng(symbol_id).standard_normal(400), symbol_id=symbol_id)
    stage.taken(LINK)
    keeper = keeper_of(stage, tmp_path)
    keeper.close()
    return stage, keeper


def test_every_symbol_goes_on_bit_for_bit_in_another_stage(taught, tmp_path, monkeypatch) -> None:
    stage, _ = taught
    other = make_stage(symbols=2, **KNOBS)
    monkeypatch.setattr(time, "time_ns", lambda: 0)  # no time has passed; a file from later is young
    keeper = keeper_of(other, tmp_path)
    for symbol, path in ((symbol, tmp_path / file_name(symbol)) for symbol in SYMBOLS):
        path.write_bytes(with_age(path.read_bytes(), symbol, 0))
    restored = keeper.restore()
    other.taken(LINK)
    returns = np.random.default_rng(5).standard_normal(60)
    for one in (stage, other):
        stage_reset(one)
        for symbol_id in range(2):
            give_walk(one, 2_000, returns, symbol_id=symbol_id)
    mine, theirs = stage.taken(LINK), other.taken(LINK)

    assert restored == list(SYMBOLS)
    assert mine == theirs and mine[0].volatility_bps != mine[1].volatility_bps


def stage_reset(stage) -> None:
    """As after a pause: the open windows are no more."""
    for estimator in stage.row["estimators"][:2]:
        estimator["life"] = estimator["reset_count"] = 0


def with_age(content: bytes, symbol: str, saved_ns: int) -> bytes:
    config = VolatilityConfig(**KNOBS)
    header = int.from_bytes(content[16:20], "little")
    return pack(symbol, config, content[20 + header : -4], saved_ns)


def test_restored_estimate_is_live_at_once_but_waits_for_a_window(taught, tmp_path) -> None:
    other = make_stage(symbols=2, **KNOBS)
    before = other.taken(LINK)
    keeper_of(other, tmp_path).restore()
    give_walk(other, 3_000, np.full(4, 0.5))
    after = other.taken(LINK)[0]

    assert before[0].state == BeliefState.WARMING
    assert after.state == BeliefState.LIVE
    assert after.volatility_bps_p95 < before[0].volatility_bps_p95


def test_longer_pause_makes_the_estimate_less_certain(taught, tmp_path) -> None:
    widths = []
    for age_s in (0, 5, 60):
        other = make_stage(symbols=2, **KNOBS)
        path = tmp_path / file_name(SYMBOLS[0])
        path.write_bytes(with_age(path.read_bytes(), SYMBOLS[0], time.time_ns() - age_s * 10**9))
        assert SYMBOLS[0] in keeper_of(other, tmp_path).restore()
        newest = other.row["newest"][0]
        widths.append(newest["quantiles"][1] / newest["quantiles"][0])

    assert widths[0] < widths[1] < widths[2]


def test_what_is_not_warm_is_not_kept_and_does_not_replace_what_was(taught, tmp_path) -> None:
    before = {symbol: (tmp_path / file_name(symbol)).read_bytes() for symbol in SYMBOLS}
    fresh = make_stage(symbols=2, **KNOBS)
    give_walk(fresh, 1_000, np.full(10, 0.5))
    keeper_of(fresh, tmp_path).close()

    assert before == {symbol: (tmp_path / file_name(symbol)).read_bytes() for symbol in SYMBOLS}


def refusal(content: bytes, *, symbol: str = "BTCUSDT", age_s: float = 1, **knobs) -> str:
    with pytest.raises(KeptError) as caught:
        unpack(content, symbol, VolatilityConfig(**knobs), NOW_NS + int(age_s * 1e9))
    return str(caught.value)


def test_file_says_why_it_is_refused() -> None:
    config = VolatilityConfig()
    good = pack("BTCUSDT", config, b"learned", NOW_NS)

    assert unpack(good, "BTCUSDT", config, NOW_NS + 10**9) == (b"learned", 1.0)
    assert "found symbol BTCUSDT, allowed ETHUSDT" in refusal(good, symbol="ETHUSDT")
    assert "found settings" in refusal(good, window_ms=200)
    assert "found an age of 7200 s, allowed 3600 (volatility.kept_age_s_max)" in refusal(good, age_s=7_200)
    assert "found an age of -60 s" in refusal(good, age_s=-60)
    assert "found something else" in refusal(b"epoch 12\n")


def test_every_damaged_byte_and_every_truncation_is_noticed() -> None:
    good = pack("BTCUSDT", VolatilityConfig(), bytes(range(64)), NOW_NS)
    for at in range(len(good)):
        refusal(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
        refusal(good[:at])


def test_other_version_or_layout_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("procs.kept_beliefs.VERSION", 2)
    other_version = pack("BTCUSDT", VolatilityConfig(), b"", NOW_NS)
    monkeypatch.undo()
    monkeypatch.setattr("procs.volatility_state.LEARNED_LAYOUT", "0123")
    other_layout = pack("BTCUSDT", VolatilityConfig(), b"", NOW_NS)
    monkeypatch.undo()

    assert "found version 2, allowed 1" in refusal(other_version)
    assert "found layout 0123" in refusal(other_layout)
    body = b"trader belief\r\n\0" + (2).to_bytes(4, "little") + b"{}"
    assert "found a header that says too little" in refusal(body + zlib.crc32(body).to_bytes(4, "little"))


def test_damaged_file_leaves_the_prior_and_says_so(taught, tmp_path, caplog) -> None:
    path = tmp_path / file_name("ETHUSDT")
    path.write_bytes(path.read_bytes()[:-1])
    other = make_stage(symbols=2, **KNOBS)
    untouched = other.row["estimators"][1].tobytes()
    with caplog.at_level(logging.INFO):
        restored = keeper_of(other, tmp_path).restore()

    assert restored == ["BTCUSDT"] and other.row["estimators"][1].tobytes() == untouched
    assert "checksum does not agree, allowed an undamaged file; the estimate begins with its prior" in caplog.text
    assert str(path) in caplog.text


def test_files_are_written_while_the_stage_goes_on_and_only_when_it_is_time(taught, tmp_path) -> None:
    stage, _ = taught
    for path in tmp_path.glob("volatility-*"):
        path.unlink()
    keeper = keeper_of(stage, tmp_path, keep_every_s=3_600)
    keeper.look()
    early = list(tmp_path.glob("volatility-*"))
    keeper.next_s = 0.0
    keeper.look()
    assert isinstance(keeper.writer, threading.Thread)
    keeper.writer.join()

    assert early == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [file_name(symbol) for symbol in SYMBOLS]


def test_folder_that_cannot_be_written_is_told_once(taught, tmp_path, caplog, monkeypatch) -> None:
    stage, _ = taught
    keeper = keeper_of(stage, tmp_path)

    def refuse(name: str, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeper.folder, "write", refuse)
    keeper.close()
    keeper.close()

    assert caplog.text.count("No space left on device") == 1
