"""The command line: `trader COMMAND`. Each command reads its flags, calls one function, and reports.

Exit codes: 0 all is well; 1 the run or the comparison failed; 2 something that the operator can mend.
What a command needs is imported when it runs, so that `--help` answers at once.
"""

import sys
from typing import Any

import click

from procs.cli.bench import bench
from procs.cli.book import book
from procs.cli.compare import compare
from procs.cli.init import init
from procs.cli.kill import arm, kill
from procs.cli.orders import limits, orders
from procs.cli.profile import profile
from procs.cli.record import record
from procs.cli.replay import replay
from procs.cli.run import run
from procs.cli.signals import signals
from procs.cli.stress import stress
from procs.cli.top import top
from procs.cli.topology import topology
from procs.cli.venue import venue
from procs.cli.volatility import volatility
from procs.errors import EXIT_OPERATOR, OperatorError

_RUNNING = (run, init, venue, topology, top, orders, limits, kill, arm)
_MEASURING = (replay, book, record, volatility, signals, stress, compare, profile, bench)

COMMANDS = (*_RUNNING, *_MEASURING)
"""In the order in which a newcomer meets them."""


class Trader(click.Group):
    """Lists the commands in their own order, and turns operators' errors into exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of COMMANDS."""
        return [command.name for command in COMMANDS if command.name]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one line a problem on stderr, nothing of Python."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            for problem in error.problems:
                click.echo(f"trader: {problem}", err=True)
            sys.exit(EXIT_OPERATOR)


@click.group(cls=Trader, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="trader", message="%(prog)s %(version)s")
def main() -> None:
    """A market-making engine: processes pinned to cores, lock-free rings, compiled steps.

    `trader run` is the main job. Every command explains itself under --help.
    """


for _command in COMMANDS:
    main.add_command(_command)
