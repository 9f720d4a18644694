"""The lock files: resolves pyproject.toml to exact versions with hashes, one file per supported Python.

    python scripts/lock.py --python /path/to/python3.11 --python /path/to/python3.12 --python /path/to/python3.13

Each interpreter resolves for itself, because versions differ between them (numpy's newest needs 3.12). One
line per package: the version, then the hash of every file that the index offers for it, so that a lock also
holds on another architecture. `--upgrade` looks for newer versions; without it what is locked stays.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "scripts" / "lock"
RESOLVER = "pip-tools==7.6.2"
HEADER = "# Python {version}. Made by scripts/lock.py from pyproject.toml; do not edit.\n"
OPTIONS = (
    "--extra=dev --extra=plot --generate-hashes --allow-unsafe --strip-extras --resolver=backtracking --quiet "
    "--no-annotate --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options"
).split()


def version_of(python: str) -> str:
    """Major and minor version of an interpreter, such as "3.12"."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def one_line_each(text: str) -> str:
    """Join the resolver's continued lines: one line per package, no remarks."""
    lines = text.replace("\\\n", " ").splitlines()
    return "".join(" ".join(line.split()) + "\n" for line in lines if line.strip() and line[0] != "#")


def continued(text: str) -> str:
    """The form that the resolver reads back as its starting point."""
    return text.replace(" --hash", " \\\n    --hash")


def lock(python: str, *, upgrade: bool) -> Path:
    """Resolve under one interpreter and write its lock file; return the file."""
    version = version_of(python)
    path = FOLDER / f"py{version}.txt"
    with tempfile.TemporaryDirectory(prefix="lock-") as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        resolver = str(Path(folder) / "bin" / "python")
        subprocess.run([resolver, "-m", "pip", "install", "--quiet", RESOLVER], check=True)
        output = Path(folder) / path.name
        if path.exists() and not upgrade:
            output.write_text(continued(path.read_text()))
        command = [resolver, "-m", "piptools", "compile", *OPTIONS, f"--output-file={output}", "pyproject.toml"]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        path.write_text(HEADER.format(version=version) + one_line_each(output.read_text()))
    return path


def main() -> None:
    """Parse the flags and write one file per interpreter."""
    parser = argparse.ArgumentParser(description="Write scripts/lock/py*.txt from pyproject.toml.")
    parser.add_argument("--python", action="append", help="an interpreter; may be given again (default: this one)")
    parser.add_argument("--upgrade", action="store_true", help="look for newer versions of what is locked")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for python in arguments.python or [sys.executable]:
        print(lock(python, upgrade=arguments.upgrade).relative_to(ROOT))


if __name__ == "__main__":
    main()
