"""The bench measures on one core; what it starts as a program of its own has every core that the bench was given."""

import os
import subprocess
import sys

from bench.cores import on_all_cores, on_core
from procs.affinity import available_cores

TOLD = "import os; print(sorted(os.sched_getaffinity(0)))"


def cores_of_a_program() -> str:
    return subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True).stdout.strip()


def test_a_program_has_all_cores_while_the_bench_keeps_to_one() -> None:
    given = available_cores()
    with on_core(given[0]):
        assert cores_of_a_program() == str(given[:1])
        with on_all_cores():
            assert cores_of_a_program() == str(given)
        assert os.sched_getaffinity(0) == {given[0]}
    assert available_cores() == given
