"""What happens when a link has no room: the policies, said once, for the table and for the compiled ports."""

import enum


class Full(enum.Enum):
    """A link's policy; its value is the code that compiled ports go by."""

    WAIT = 0
    DENY = 1
    DROP = 2
    LATEST = 3
    HALT = 4
    SET = 5

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self.name]


_MEANINGS = {
    "WAIT": "the producer holds back its own input",
    "DENY": "refused at once and counted; the sender is told",
    "DROP": "discarded and counted; the consumer sees the gap",
    "LATEST": "overwritten; the consumer sees only the newest",
    "HALT": "never lost: the producer keeps the message and latches no new orders",
    "SET": "cannot be full: one bit for each order",
}
