"""A profile says where a process was: in which compiled kernel, in which library; and it stops when it is told to."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from procs import sampler
from procs.cli import main
from procs.errors import OperatorError
from procs.profile import table_of
from procs.sampler import Profile, Sampler, profile_file, sample_processes, sampled
from procs.symbols import Symbol, Symbols, elf_functions, readable_name
from shm import checksum
from shm.kernel import address_of_array

BUSY_S = 0.3


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has asked for is not asked of those that follow."""
    monkeypatch.setattr(sampler, "_hz", 0)


def busy_in_crc(seconds: float) -> None:
    """Use CPU time in one kernel."""
    data = np.arange(1 << 20, dtype=np.uint8)
    end = time.process_time() + seconds
    while time.process_time() < end:
        checksum.checksum(address_of_array(data), len(data))


def test_most_samples_are_where_the_time_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_CACHE_DIR", str(tmp_path))
    busy_in_crc(0.01)
    taken = Sampler(1_000)
    taken.start()
    busy_in_crc(BUSY_S)
    taken.stop()
    found = taken.profile("test")

    busy_in_crc(0.05)

    assert found.samples > 10 and found.lost == 0
    assert found.cpu_s >= BUSY_S
    crc = sum(count for name, count in found.counts.items() if "checksum" in name)
    assert crc > found.samples / 2, found.counts
    assert taken.profile("test").samples == found.samples, "it goes on after it was stopped"


def test_nothing_is_sampled_unless_it_was_asked_for(tmp_path: Path, at_rest: None) -> None:
    with sampled(tmp_path, "book"):
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)

    assert list(tmp_path.iterdir()) == []


def test_a_sampled_process_leaves_its_profile(tmp_path: Path, at_rest: None) -> None:
    sample_processes(1_000)
    with sampled(tmp_path, "book"):
        busy_in_crc(0.05)

    assert profile_file(tmp_path, "book").stat().st_size > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_an_address_has_the_name_of_the_function_else_of_the_library_around_it() -> None:
    names = Symbols([Symbol(100, 50, "f"), Symbol(150, 10, "g")], [Symbol(0, 1_000, "lib.so")])

    assert [names.name_of(at) for at in (99, 100, 149, 150, 160, 1_000)] == [
        "lib.so",
        "f",
        "f",
        "g",
        "lib.so",
        "elsewhere",
    ]


def test_mangled_names_are_read() -> None:
    assert readable_name("_ZN6trader4book6ladder5applyB3v12B38c8tJTIeFIjxB2IKSgI4") == "trader.book.ladder.apply"
    assert readable_name("memcpy") == "memcpy"


def test_what_is_no_object_has_no_functions() -> None:
    assert list(elf_functions(b"")) == list(elf_functions(b"no object at all, and longer than a header is")) == []


def test_what_takes_little_is_summed_up() -> None:
    table = table_of([Profile("book", 1.0, 1_000, 0, {"a": 985, "b": 8, "c": 7}), Profile("feed", 1.0, 1, 0, {"d": 1})])

    assert [list(column.cells) for column in table.columns][2:] == [
        ["98.5%", "1.5%", "100.0%"],
        ["a", "(each less than 1 %)", "d"],
    ]
    assert table_of([Profile("book", 1.0, 1, 0, {"a": 1})], stages=("feed",)).row_count == 0


@pytest.mark.parametrize("hz", [0, -1, 10_001])
def test_a_rate_out_of_range_is_refused(hz: int) -> None:
    with pytest.raises(OperatorError, match=f"--hz: found {hz}, allowed 1 to 10000"):
        sample_processes(hz)


def test_a_process_that_there_is_not_is_refused_before_anything_starts() -> None:
    told = CliRunner().invoke(main, ["profile", "nobody"])

    assert told.exit_code == 2
    assert "'nobody': found no such process, allowed exchange, " in told.output
