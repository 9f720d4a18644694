"""What a caller sees of a session while it goes on, and the folder that the session writes to."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from procs.config import RunConfig
from procs.errors import OperatorError

if TYPE_CHECKING:
    from procs.snapshot import Snapshot  # of live sessions only: a backtest starts without it


@dataclass
class Watcher:
    """What a caller wants to see: kernels being loaded, and the running system four times a second."""

    loading: Callable[[str, int, int], None] = lambda name, done, total: None
    snapshot: Callable[["Snapshot"], None] = lambda snapshot: None
    progress: Callable[[float], None] = lambda share: None
    """A backtest's share of the recording that has been played."""


def make_out_dir(config: RunConfig) -> Path:
    """A new folder for this run's journal and results. Raises OperatorError when it holds a run already."""
    out_dir = Path(config.out_dir or f"runs/{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}").absolute()
    try:
        (out_dir / "journal").mkdir(parents=True)
    except FileExistsError:
        raise OperatorError(f"out_dir: found '{out_dir}' with a run in it, allowed a folder without journal/") from None
    except OSError as error:
        raise OperatorError(f"out_dir: found '{out_dir}' ({error.strerror}), allowed a writable folder") from None
    return out_dir
