"""The base of every message, and the integer that names it."""

import msgspec


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of every message: an array on the wire, its integer tag first."""


def tag_of(message: type[Message]) -> int:
    """The integer that stands first in a message's bytes and in its frame header."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, int)
    return tag
