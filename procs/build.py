"""One number for what a process runs: its code and its configuration. Check 2 of risk compares it between processes."""

import hashlib

import msgspec

from procs.config import RUN_OWNED, RunConfig
from procs.run_segments import RunSegments, layout_hash
from procs.topology import STAGES


def build_hash(config: RunConfig) -> int:
    """Of code and configuration, more than 0; what belongs to the run itself (RUN_OWNED, folders) is left out."""
    told = msgspec.to_builtins(config)
    for name in (*RUN_OWNED, "out_dir", "state_dir"):
        del told[name]
    text = msgspec.json.encode(told, order="deterministic")
    digest = hashlib.blake2b(layout_hash().to_bytes(8, "little") + text, digest_size=7).digest()
    return 1 + int.from_bytes(digest, "little")


def other_builds(memory: RunSegments, build: int) -> list[str]:
    """Stages whose process runs something else, or has not said what."""
    return [stage.name for stage in STAGES if memory.cell(stage.name).build != build]
