"""`python -m procs.cli` is `trader`: for a checkout that is not installed."""

from procs.cli import main

main(prog_name="trader")
