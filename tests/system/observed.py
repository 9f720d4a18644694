"""A run from outside while it trades, and what it left: processes, cores, segments, traces of the key."""

import base64
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.system.command import SHARED_MEMORY, Trader

END_S = 20.0
KEY_FILE = "memfd:trader-key"


@dataclass(frozen=True)
class Observed:
    """A run that is over. `cores`: of each process; `modes`: of each segment while it ran; `key_holders`: processes
    with the key's descriptor; `key_found`: where a part of the key stood in the clear."""

    out: Path
    code: int
    result: dict[str, Any]
    said: str
    cores: dict[str, list[int]]
    modes: dict[str, int]
    key_holders: set[str]
    key_found: list[str]
    left: list[str]


def observe(run: Trader) -> Observed:
    """Wait until a run quotes, look at it, wait for its end."""
    run.until_quoting()
    stages = {name: process for name, process in run.seen.items() if name != "log"}
    key = _Key.of(stages)
    cores = {name: process.cpu_affinity() for name, process in stages.items()}
    modes = {path.name: path.stat().st_mode & 0o777 for path in run.segments()}
    found = list(key.found_in(_shared_memory(run)))
    family = {**run.seen, "supervisor": psutil.Process(run.pid)}
    found += key.found_in(_process_texts(family))
    code = run.wait(END_S)
    found += key.found_in(_files(run.folder))
    return Observed(
        out=run.out,
        code=code,
        result=run.result,
        said=run.said,
        cores=cores,
        modes=modes,
        key_holders=key.holders,
        key_found=found,
        left=[str(path) for path in run.segments()] + [str(process) for process in family.values() if _lives(process)],
    )


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class _Key:
    """The run's key, read through the router's own descriptor: each part in every form in which it could leak."""

    def __init__(self, text: bytes, holders: set[str]) -> None:
        self.holders = holders
        fields = tomllib.loads(text.decode())
        body = "".join(fields["private_key"].strip().splitlines()[1:-1])
        seed = base64.b64decode(body)[-32:]
        public_name = fields["api_key"].encode()
        self.forms = {
            "API key": public_name,
            "private key": seed,
            "private key as PEM": body.encode()[-40:],
            "private key in hexadecimal": seed.hex().encode(),
            "private key in base64": base64.b64encode(seed)[:-2],
        }

    @classmethod
    def of(cls, processes: dict[str, psutil.Process]) -> "_Key":
        """Find the key among the descriptors of living processes."""
        texts = {name: text for name, process in processes.items() if (text := _key_text(process.pid))}
        return cls(next(iter(texts.values())), set(texts))

    def found_in(self, places: Iterator[tuple[str, bytes]]) -> Iterator[str]:
        """Every place that holds a form of the key."""
        for place, content in places:
            for form, needle in self.forms.items():
                if needle in content:
                    yield f"{place}: {form}"


def _key_text(pid: int) -> bytes:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if KEY_FILE in os.readlink(link):
                descriptor = os.open(link, os.O_RDONLY)
                try:
                    return os.pread(descriptor, 4096, 0)
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            continue
    return b""


def _shared_memory(run: Trader) -> Iterator[tuple[str, bytes]]:
    assert any(path.parent == SHARED_MEMORY for path in run.segments())
    for path in run.segments():
        yield str(path), path.read_bytes()


def _process_texts(family: dict[str, psutil.Process]) -> Iterator[tuple[str, bytes]]:
    for name, process in family.items():
        for text in ("cmdline", "environ"):
            yield f"{text} of {name}", Path(f"/proc/{process.pid}/{text}").read_bytes()


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
