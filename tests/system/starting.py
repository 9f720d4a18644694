"""Starts `trader` commands for one test, each in a numbered folder, and sees to their end."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.system.command import Trader


class Start:
    """`command` starts any command; `run` starts `trader run` with its out folder and result file."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._count = 0

    def command(
        self, *arguments: str, installed: bool = False, limits: Mapping[int, int] | None = None, output: int = -1
    ) -> Trader:
        """A command in the next folder."""
        self._count += 1
        folder = self.folder / f"command-{self._count}"
        trader = Trader(folder, *arguments, installed=installed, limits=limits, output=output)
        self._stack.callback(trader.close)
        return trader

    def trading(self, placement: str = "process", *, config: str = "") -> Trader:
        """A run whose orders rest at the exchange; `config`: TOML over the profile."""
        file = self.folder / f"config-{self._count + 1}.toml"
        file.write_text(config)
        run = self.run("--placement", placement, "--config", str(file))
        run.until_quoting()
        return run

    def run(
        self, *flags: str, installed: bool = False, limits: Mapping[int, int] | None = None, output: int = -1
    ) -> Trader:
        """`trader run` with these flags; without a duration it trades until it is told to stop."""
        folder = self.folder / f"command-{self._count + 1}"
        if "--duration" not in flags:
            flags = ("--duration", "0s", *flags)
        files = ("--out", str(folder / "out"), "--json", str(folder / "result.json"))
        return self.command("run", *files, *flags, installed=installed, limits=limits, output=output)
