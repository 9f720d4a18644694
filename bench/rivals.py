"""Rivals that live in virtual environments of their own, because their pins clash with ours and each other's.

`make bench-rivals` builds them in `.rivals/NAME` (scripts/build_rivals.py); each is measured by
`bench/rivals_NAME.py`, which runs under that environment's Python and prints one line of JSON.
"""

from pathlib import Path

from bench.results import Absent, Contestant, external

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".rivals"
READY = ".ready"


def rival(name: str, program: str | Path, *arguments: str) -> Contestant | Absent:
    """The contestant that runs a program under a rival's own Python, or Absent with what to do about it."""
    python = FOLDER / name / "bin" / "python"
    if not (FOLDER / name / READY).exists() or not python.exists():
        return Absent(f"no {(FOLDER / name).relative_to(ROOT)}, make bench-rivals builds it")
    return external([str(python), str(ROOT / program), *arguments])
