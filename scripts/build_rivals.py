"""Builds each rival its own virtual environment in .rivals, from pinned versions: `make bench-rivals`.

    python scripts/build_rivals.py [NAME ...]

Their pins clash with ours and with each other's, so they never share an environment. One that cannot be had
on this Python or this host is said to be absent; that is no error, the benches say so too.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".rivals"
READY = ".ready"
PYTHON = sys.version_info[:2]

# fmt: off
RIVALS: dict[str, dict[tuple[int, int], tuple[str, ...]]] = {
    "hftbacktest":    dict.fromkeys(((3, 11), (3, 12), (3, 13)), ("hftbacktest==2.4.4",)),
    "nautilus":       {(3, 11): ("nautilus_trader==1.221.0",),
                       (3, 12): ("nautilus_trader==1.231.0",),
                       (3, 13): ("nautilus_trader==1.231.0",)},
    "fastmm":         dict.fromkeys(((3, 11), (3, 12), (3, 13)), ("fastmm-engine[hot]==0.9.0",)),
    # Books of pure Python and of C. The second is GPL: it is measured here, never shipped.
    "sorteddict":     dict.fromkeys(((3, 11), (3, 12), (3, 13)), ("sortedcontainers==2.4.0",)),
    "order_book":     {(3, 11): ("order-book==0.6.1",),
                       (3, 12): ("order-book==1.0.2",),
                       (3, 13): ("order-book==1.1.0",)},
    # Parsers of JSON.
    "parsers":        dict.fromkeys(((3, 11), (3, 12), (3, 13)), ("orjson==3.13.0", "pysimdjson==7.0.2")),
    # Particle filters; its numpy is too old for 3.13.
    "particles":      dict.fromkeys(((3, 11), (3, 12)), ("particles==0.4",)),
    # Transports.
    "pyzmq":          dict.fromkeys(((3, 11), (3, 12), (3, 13)), ("pyzmq==27.3.0",)),
    "iceoryx2":       dict.fromkeys(((3, 11), (3, 12), (3, 13)), ("iceoryx2==0.10.0",)),
}
# fmt: on

NEWER = {"order_book": ((3, 13), (3, 12))}
"""Pythons to look for first: the last release of order-book for 3.11 sorts all keys at each look at its touch."""


def interpreter(name: str) -> tuple[str, tuple[int, int]]:
    """The Python that a rival is built with, and its version: our own unless the rival is better with another."""
    for major, minor in NEWER.get(name, ()) if PYTHON < (3, 12) else ():
        beside = sorted(Path.home().glob(f".pyenv/versions/{major}.{minor}.*/bin/python"))
        for path in filter(None, (shutil.which(f"python{major}.{minor}"), *map(str, beside))):
            if subprocess.run([path, "-c", "import venv"], capture_output=True).returncode == 0:
                return path, (major, minor)
    return sys.executable, PYTHON


def build(name: str) -> str:
    """Build one environment unless it is up to date; return what came of it, in words."""
    python, version = interpreter(name)
    pins = RIVALS[name].get(version)
    if pins is None:
        return f"absent: no release for Python {version[0]}.{version[1]}"
    folder = FOLDER / name
    ready = folder / READY
    wanted = f"{version[0]}.{version[1]} {' '.join(pins)}\n"
    if ready.exists() and ready.read_text() == wanted:
        return "ready"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:"]
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", *options, *pins]
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        reasons = [line for line in told.stderr.splitlines() if line.startswith("ERROR")]
        return f"absent: {reasons[-1].removeprefix('ERROR: ') if reasons else f'pip ended with {told.returncode}'}"
    ready.write_text(wanted)
    return "built"


def main() -> None:
    """Build what was asked for, all by default; one line each."""
    parser = argparse.ArgumentParser(description="Build the rivals' own environments in .rivals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RIVALS)} (default: all)")
    names = parser.parse_args().names or list(RIVALS)
    for name in names:
        if name not in RIVALS:
            parser.error(f"found '{name}', allowed {', '.join(RIVALS)}")
        started_s = time.monotonic()
        print(f"{name:<14}", end="", flush=True)
        outcome, pins = build(name), RIVALS[name].get(interpreter(name)[1], ())
        print(f"{outcome} ({', '.join(pins)}, {time.monotonic() - started_s:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
