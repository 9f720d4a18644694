"""Set-up: .venv, the locked packages with their hashes, and this project, editable.

    python3 scripts/install.py

Runs on the standard library of any supported Python; `make install` finds one. A virtual environment that
works is kept and brought up to date; one whose interpreter is gone or unsupported is made anew.
"""

import argparse
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ((3, 11), (3, 13))
PIP_OPTIONS = ["--disable-pip-version-check", "--no-input", "--quiet", "--prefer-binary", "--no-compile"]
NEVER_IMPORTED = r"/tests?/|/mypy"


def fail(message: str) -> None:
    """Say what is wrong and leave with 2."""
    print(f"install: {message}", file=sys.stderr)
    raise SystemExit(2)


def works(python: Path) -> bool:
    """Whether the environment's interpreter runs and is supported."""
    code = f"import sys; sys.exit(not {SUPPORTED[0]} <= sys.version_info[:2] <= {SUPPORTED[1]})"
    try:
        return subprocess.run([python, "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def has_pip(python: Path) -> bool:
    """Whether the environment has its own pip."""
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def create(folder: Path) -> None:
    """A new virtual environment; without pip inside where the system's Python cannot put it there."""
    version = sys.version.split()[0]
    print(f"install: {folder.name} with Python {version} ({sys.executable})", flush=True)
    options = [] if find_spec("ensurepip") else ["--without-pip"]
    subprocess.run([sys.executable, "-m", "venv", "--clear", *options, str(folder)], check=True)


def pip(python: Path) -> list[str]:
    """The pip command that installs into the environment: its own, else this interpreter's."""
    if has_pip(python):
        return [str(python), "-m", "pip"]
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    fail(f"{sys.executable} has neither ensurepip nor pip: install the system's python3-venv package")
    return []


def install(folder: Path) -> None:
    """Bring the environment to exactly what the lock of its Python says."""
    python = folder / "bin" / "python"
    if not works(python):
        create(folder)
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    version = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    lock = ROOT / "scripts" / "lock" / f"py{version}.txt"
    count = sum("==" in line for line in lock.read_text().splitlines())
    print(f"install: {count} packages from {lock.relative_to(ROOT)}", flush=True)
    command = [*pip(python), "install", *PIP_OPTIONS]
    # The lock is complete: there is nothing to resolve
    subprocess.run([*command, "--no-deps", "--require-hashes", "--requirement", str(lock)], check=True)
    subprocess.run([*command, "--no-build-isolation", "--no-deps", "--editable", str(ROOT)], check=True)
    # pip compiles one file after the other, the packages' own tests included: half of its time
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", "-x", NEVER_IMPORTED, str(folder / "lib")], check=True)


def main() -> None:
    """Install, and say how long it took."""
    parser = argparse.ArgumentParser(description="Set up the virtual environment from the locks.")
    parser.add_argument("--venv", default=str(ROOT / ".venv"), help="the environment's folder (default: .venv)")
    folder = Path(parser.parse_args().venv)
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        fail(f"Python {sys.version.split()[0]} found, 3.11 to 3.13 are supported")
    started_s = time.monotonic()
    try:
        install(folder)
    except subprocess.CalledProcessError as error:
        fail(f"{' '.join(map(str, error.cmd[:5]))} ... ended with {error.returncode}")
    print(f"install: ready in {time.monotonic() - started_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()
