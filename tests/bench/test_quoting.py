"""The README quotes what was measured: misses are told, absent rivals and rows left out, the rest stays as it is."""

import numpy as np
import pytest

from bench.harness import Bench
from bench.quoting import BEGIN, END, QUOTED, README, quote
from bench.results import RATE, TIME, Absent, Row, rate, times

TEXT = f"before\n\n{BEGIN}\nold\n{END}\n\nbehind\n"


def rows_of() -> list[Row]:
    """A row that beats two rivals, one that misses what a rival sets, one that nobody quotes."""
    bench = Bench(smoke=False)
    bench.suite = "book"
    slow = {"slow": lambda: times(np.full(3, 30.0)), "slower": lambda: times(np.full(3, 90.0)), "gone": Absent("no")}
    bench.row("book_update", unit=TIME, target=20, ours=lambda: times(np.full(3, 10.0)), rivals=slow)
    bench.row("unknown", unit=TIME, ours=lambda: times(np.full(3, 10.0)))
    bench.suite = "pipeline"
    bench.row("replay_throughput", unit=RATE, target=12e6, ours=lambda: rate(15, 1000),
              rivals={"fast": lambda: rate(12, 1000)}, at_least={"fast": 1.5})  # fmt: skip
    return bench.rows


def test_the_figures_stand_between_the_marks_and_nothing_else_changes() -> None:
    text = quote(TEXT, "a desk", "2026-01-01", rows_of())

    assert text.startswith(f"before\n\n{BEGIN}\nMedians, a desk, 2026-01-01,")
    assert text.endswith(f"|\n{END}\n\nbehind\n")
    assert "old" not in text and "unknown" not in text
    assert quote(text, "a desk", "2026-01-01", rows_of()) == text


def test_a_row_names_its_rivals_and_what_it_missed() -> None:
    text = quote(TEXT, "a desk", "2026-01-01", rows_of())

    assert f"| {QUOTED['book.book_update']} | 10ns | at most 20ns | slow 30ns (3), slower 90ns (9) |" in text
    name = QUOTED["pipeline.replay_throughput"]
    assert f"| {name} | 15M/s | at least 18M/s: missed | fast 12M/s (1.25) |" in text


@pytest.mark.parametrize("text", ["", TEXT + BEGIN, f"{END} {BEGIN}", TEXT.replace(END, "")])
def test_a_readme_without_both_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="README"):
        quote(text, "a desk", "2026-01-01", rows_of())


def test_the_readme_has_the_marks() -> None:
    assert quote(README.read_text(), "a desk", "2026-01-01", rows_of()) != README.read_text()
