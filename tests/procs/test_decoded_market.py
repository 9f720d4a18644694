"""A backtest on decoded frames is the backtest on the text, to the last message; what cannot be decoded stays text."""

import gzip
from pathlib import Path

import msgspec
import pytest

from procs.backtest import Backtest, batches
from procs.backtest_session import EPOCH, run_backtest_session
from procs.config import RunConfig
from procs.decoded_market import DecodedMarket, can_be_decoded, decoded_market
from procs.kept_recordings import recording_file
from procs.recorded_market import RecordedMarket, with_recorded_market
from procs.settings import load_config
from tests.system.recorded_slices import first_lines

LINES = 3_000
FUTURES, SPOT = "binance/usdm_btcusdt_20240808.gz", "binance/spot_btcusdt_20240808.gz"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept recordings of these tests go with them; compiled kernels stay where they are."""
    monkeypatch.setattr("procs.kept_recordings.cache_root", lambda: tmp_path / "cache")


def config_of(recording: Path, **flags: object) -> RunConfig:
    """A backtest of a recording, as far as Backtest wants it."""
    profile = "replay_spot" if "spot" in recording.name else "replay"
    tree = {"replay": str(recording), "placement": "fused", "speed": 0.0, "volatility": {"method": "ewma"}, **flags}
    config = with_recorded_market(load_config(None, tree, profile=profile))
    exchange = msgspec.structs.replace(config.exchange, recorded=True)
    return msgspec.structs.replace(config, epoch=EPOCH, exchange=exchange)


def hashes(backtest: Backtest) -> dict[str, int]:
    """Of everything that each stage behind the wire has sent."""
    return {
        station.name: int(station.row["ports"]["outputs_hash"])
        for station in backtest.stations
        if station.name not in ("exchange", "feed")
    }


def played(config: RunConfig, *, decode: bool) -> dict[str, int]:
    """Hashes after a backtest of the configured recording."""
    if decode:
        market = decoded_market(config)
        backtest, at = Backtest(config, market.contents.first_ns), market.begin
        backtest.start()
        while at < market.end and not backtest.failure:
            at = backtest.play_decoded(at, market.end)
    else:
        recording = RecordedMarket(config.replay)
        backtest = Backtest(config, next(iter(recording))[0])
        backtest.start()
        for times_ns, offsets, text in batches(recording):
            backtest.play(times_ns, offsets, text)
    assert backtest.failure == ""
    assert backtest.stop()
    assert int(backtest.state("exchange")[0]["venue"]["account"]["ledger"][0]["placed"]) > 0
    return hashes(backtest)


@pytest.mark.parametrize("name", [FUTURES, SPOT])
def test_numbers_and_text_lead_to_the_same_messages(trader_data: Path, tmp_path: Path, name: str) -> None:
    config = config_of(first_lines(trader_data / name, tmp_path / Path(name).name, LINES))

    assert played(config, decode=True) == played(config, decode=False)


def test_a_session_says_the_same_with_and_without_decoding(trader_data: Path, tmp_path: Path) -> None:
    recording = first_lines(trader_data / FUTURES, tmp_path / "usdm.gz", LINES)
    summaries = [
        run_backtest_session(config_of(recording, decode=decode, out_dir=str(tmp_path / str(decode))))
        for decode in (True, False)
    ]

    assert summaries[0].ok
    assert summaries[0].orders.placed > 0
    assert msgspec.json.encode(summaries[0]) == msgspec.json.encode(summaries[1])


def test_every_frame_is_there_and_only_the_snapshot_stays_text(trader_data: Path, tmp_path: Path) -> None:
    config = config_of(first_lines(trader_data / FUTURES, tmp_path / "usdm.gz", LINES))
    contents = decoded_market(config).contents

    assert (contents.frames, contents.texts) == (LINES, 1)
    assert contents.rows > LINES


def test_a_damaged_frame_stays_text(trader_data: Path, tmp_path: Path) -> None:
    whole = first_lines(trader_data / FUTURES, tmp_path / "whole.gz", LINES)
    lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)
    lines[200] = lines[200][:-20] + b"\n"
    lines[300] = lines[300].replace(b'"E":1', b'"E":2')
    harmed = tmp_path / "harmed"
    harmed.write_bytes(b"".join(lines))

    assert decoded_market(config_of(harmed)).contents.texts == 2


def test_a_recording_that_changed_is_decoded_again(trader_data: Path, tmp_path: Path) -> None:
    recording = first_lines(trader_data / FUTURES, tmp_path / "usdm.gz", LINES)
    config = config_of(recording)
    assert decoded_market(config).contents.frames == LINES

    first_lines(trader_data / FUTURES, recording, LINES + 100)
    assert decoded_market(config).contents.frames == LINES + 100


def test_a_kept_file_that_is_cut_short_is_made_again(trader_data: Path, tmp_path: Path) -> None:
    config = config_of(first_lines(trader_data / FUTURES, tmp_path / "usdm.gz", LINES))
    path = decoded_market(config).path
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="allowed a file of this format"):
        DecodedMarket(path)

    assert decoded_market(config).contents.frames == LINES


def test_where_faults_are_to_damage_texts_text_is_played(trader_data: Path, tmp_path: Path) -> None:
    recording = first_lines(trader_data / FUTURES, tmp_path / "usdm.gz", LINES)

    assert can_be_decoded(config_of(recording))
    assert not can_be_decoded(config_of(recording, exchange={"faults": {"drop": 0.1}}))


def test_what_is_kept_is_found_by_recording_source_and_whatever_else_it_depends_on(tmp_path: Path) -> None:
    recording = tmp_path / "r"
    recording.write_bytes(b"1 {}\n")
    paths = {
        recording_file(recording, "procs.decoding_kernels", ".rows", "a"),
        recording_file(recording, "procs.decoding_kernels", ".rows", "b"),
        recording_file(recording, "procs.recording", ".rows", "a"),
    }
    recording.write_bytes(b"2 {} \n")

    assert len(paths) == 3
    assert recording_file(recording, "procs.decoding_kernels", ".rows", "a") not in paths
