"""`trader run` as a program of its own, and its result."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.cores import on_all_cores


def main_job(*flags: str) -> dict[str, Any]:
    """Run the main job with these flags; its `--json`. Raises RuntimeError when it does not end well."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "procs.cli", "run", *flags, "--json", str(result), "--out", f"{folder}/run"]
        with on_all_cores():
            told = subprocess.run(command, capture_output=True, text=True)
        if told.returncode:
            raise RuntimeError(
                f"trader run {' '.join(flags)} ended with {told.returncode}: {(told.stdout + told.stderr)[-600:]}"
            )
        found: dict[str, Any] = msgspec.json.decode(result.read_bytes())
        return found
