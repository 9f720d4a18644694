"""The proofs see what they look for: packed instructions in machine code, one allocation made on purpose; and they fail
where it is not as claimed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import prove
from bench.prove_vectors import composition
from bench.suite_pipeline import recording_path
from shm.kernel import kernel

ROOT = Path(__file__).resolve().parents[2]


@kernel
def scaled_sums(values, others):
    """What LLVM turns into vectors."""
    for index in range(len(values)):
        values[index] = values[index] * 0.5 + others[index]


@kernel
def chained(values):
    """What it can't: each step needs the last one."""
    total = 0.0
    for value in values:
        total = (total + value) * 0.5
    return total


def test_packed_instructions_are_told_from_scalar_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRADER_CACHE_DIR", str(tmp_path))  # cached machine code is not shown
    scaled_sums(np.ones(64), np.ones(64))
    chained(np.ones(64))
    (vectors,) = (composition(text) for text in scaled_sums.inspect_asm().values())
    (scalars,) = (composition(text) for text in chained.inspect_asm().values())

    assert vectors["packed"] > 0 and vectors["bits"] >= 128
    assert scalars["packed"] == 0 and scalars["arithmetic"] > 0


def test_a_filter_without_vectors_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    scalar = {"filter": {"packed": 3, "arithmetic": 900, "bits": 128}}
    monkeypatch.setattr(prove, "_told", lambda module, **environment: scalar)

    assert [proof.holds for proof in prove._vectors()] == [False]


@pytest.mark.parametrize(("allocations", "control", "holds"), [(0, 1, True), (1, 1, False), (0, 0, False)])
def test_allocations_hold_only_at_none_and_only_if_the_counter_sees(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, allocations: int, control: int, holds: bool
) -> None:
    told = {"allocations": allocations, "control": control, "events": 10**6, "resident_bytes": 0}
    monkeypatch.setattr(prove, "recording_path", lambda: tmp_path)
    monkeypatch.setattr(prove, "_told", lambda module, *arguments, **environment: told)

    assert prove._memory(smoke=False)[0].holds is holds


@pytest.mark.slow
@pytest.mark.skipif(not recording_path().exists(), reason="the recorded futures market is absent (TRADER_DATA)")
def test_every_proof_holds_here() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "procs.cli", "bench", "--prove", "--smoke"],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert "process feed" in told.stdout
