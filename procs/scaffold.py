"""Writes a user's first strategy: a strategy file, its test, and the list of what it is given.

The templates are working files of the package, under procs/templates.
"""

import importlib.resources
from pathlib import Path

from procs.errors import OperatorError

FILES = ("strategy.py", "test_strategy.py", "README.md")

STRATEGY = "strategy.py"
"""The file for `trader run --strategy`."""


def template(name: str) -> str:
    """Text of one of FILES."""
    return (importlib.resources.files("procs") / "templates" / name).read_text(encoding="utf-8")


def write_project(directory: str | Path) -> list[Path]:
    """Write FILES into a folder, made if need be; their paths. Raises OperatorError rather than overwrite."""
    directory = Path(directory)
    if directory.exists() and not directory.is_dir():
        raise OperatorError(f"{directory}: found a file, allowed a folder")
    paths = [directory / name for name in FILES]
    there = [path for path in paths if path.exists() or path.is_symlink()]
    if there:
        raise OperatorError(*[f"{path}: found, allowed a folder without it; nothing was written" for path in there])
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in paths:
            with path.open("x", encoding="utf-8") as file:
                file.write(template(path.name))
    except OSError as error:
        raise OperatorError(f"{directory}: {error.strerror or error}") from error
    return paths
