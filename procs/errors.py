"""Errors that an operator can mend: what was found, what is allowed. The command line turns them into exit code 2."""

from collections.abc import Sequence

EXIT_OPERATOR = 2


class OperatorError(Exception):
    """Something that a person typed, configured or left behind makes the run impossible.

    `problems`: one line each, of the form `risk.position_lots_max: found -3, allowed 1 to 10^9`. Nothing has
    been started when it is raised.
    """

    def __init__(self, *problems: str) -> None:
        self.problems: Sequence[str] = problems
        super().__init__("\n".join(problems))
