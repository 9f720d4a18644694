"""RESULTS.md says what was measured: misses, absent rivals and a noisy host are not left out."""

import numpy as np

from bench.budget import judge
from bench.harness import Bench, Report
from bench.prove import Proof
from bench.publish import page
from bench.results import TIME, Absent, times

HOST = {
    "cpu": "A core", "cores": 2, "cores_of_host": 2, "threads_per_core": 1, "governor": "none", "kernel": "6",
    "python": "3.13", "numba": "0", "numpy": "2", "core_to_core_ns": 50.0, "load": [0.1, 0, 0],
}  # fmt: skip


def text_of(*, spread: float) -> str:
    """A page of three rows."""
    bench = Bench(smoke=False)
    bench.suite = "books"
    rivals = {"slow": lambda: times(np.full(3, 30.0)), "gone": Absent("not built")}
    bench.row("kept", unit=TIME, target=20, ours=lambda: times(np.full(3, 10.0)), rivals=rivals)
    bench.row("missed", unit=TIME, target=20, ours=lambda: times(np.full(3, 40.0)))
    for row in bench.rows:
        row.spread = spread
    proofs = [Proof("allocations", "3 in 10 messages", False)]
    return page("a desk", "2026-01-01", Report(host=HOST, rows=bench.rows), judge([], {}), proofs)


def test_every_row_and_rival_has_a_line_and_a_verdict() -> None:
    text = text_of(spread=0.01)

    assert text.startswith("# Results: a desk, 2026-01-01\n")
    assert "| kept | 10ns | 10ns | 10ns | 1% | 20ns yes | slow: 30ns | 3 |" in text
    assert "| gone: - | absent |" in text
    assert "| missed | 40ns | 40ns | 40ns | 1% | 20ns **no** |" in text
    assert "| allocations | 3 in 10 messages | **no** |" in text
    assert "noisy" not in text


def test_a_noisy_host_is_said_to_be() -> None:
    assert "the host was noisy (the median row's repetitions differ by 40%)" in text_of(spread=0.4)
