"""Rivals that live in virtual environments of their own, because their pins clash with ours and each other's.

`make bench-rivals` builds them in `.rivals/NAME` (scripts/build_rivals.py); each is measured by
`bench/rivals_NAME.py`, which runs under that environment's Python and prints one line of JSON.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.results import Absent, Contestant, external

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".rivals"
READY = ".ready"


def rival(name: str, program: str | Path, *arguments: str) -> Contestant | Absent:
    """The contestant that runs a program under a rival's own Python, or Absent with what to do about it."""
    return rival_with(name, program, lambda: arguments)


def rival_with(name: str, program: str | Path, arguments: Callable[[], Sequence[str]]) -> Contestant | Absent:
    """The same with arguments that are asked for at each run, such as a file that is written when it is needed."""
    found = absent(name)
    return found or (lambda: external(command(name, program, *arguments()))())


def absent(name: str) -> Absent | None:
    """What to do about a rival that is not on this host."""
    if (FOLDER / name / READY).exists() and _python(name).exists():
        return None
    return Absent(f"no {(FOLDER / name).relative_to(ROOT)}, make bench-rivals builds it")


def command(name: str, program: str | Path, *arguments: str) -> list[str]:
    """A program under a rival's own Python."""
    return [str(_python(name)), str(ROOT / program), *arguments]


def _python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"
