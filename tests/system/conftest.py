"""What the system tests share: kernels loaded once, commands that leave nothing, one recorded run of each placement."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from procs.kernels import load_kernels
from procs.state_dir import StateDir
from tests.system.command import Trader
from tests.system.observed import Observed, observe
from tests.system.starting import Start

RUN_S = 3
TEST_S_MAX = 400
"""The first test also pays for compiling every kernel where the cache has not seen these sources."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test of this folder that time, unless it asks for more."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_S_MAX))


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every kernel in this process's memory, so that a forked run finds them there; a state folder of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADER_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        for _ in load_kernels():
            pass
        yield


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """A state folder for one test: latches that it sets halt nobody else."""
    return StateDir(tmp_path / "state")


@pytest.fixture
def start(kernels: None, state: StateDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts commands and runs in this test's folder; ends what is left of them."""
    monkeypatch.setenv("TRADER_STATE_DIR", str(state.path))
    with ExitStack() as stack:
        yield Start(tmp_path, stack)


@pytest.fixture(scope="session")
def process_run(kernels: None, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """A run in separate processes, started as a user starts it, looked at while it traded."""
    return _observed(tmp_path_factory.mktemp("process"), "--placement", "process", installed=True)


@pytest.fixture(scope="session")
def fused_run(kernels: None, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """A run with feed to router in one process."""
    return _observed(tmp_path_factory.mktemp("fused"), "--placement", "fused")


def _observed(folder: Path, *flags: str, installed: bool = False) -> Observed:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADER_STATE_DIR", str(folder / "state"))
        run: Trader = Start(folder, stack).run("--duration", f"{RUN_S}s", *flags, installed=installed)
        return observe(run)
