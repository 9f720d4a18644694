"""Byte diagrams and offsets that every ring, slot, cell and segment obeys.

Frame (rings, slots, journals), 64-byte aligned in rings:

     0        4        8                16               24               32
     +--------+--------+----------------+----------------+----------------+---------- - -
     | length |  type  |    sequence    |   origin_ns    |   publish_ns   | msgpack body
     +--------+--------+----------------+----------------+----------------+---------- - -
      commit word: one int64, stored last with release; 0 = not committed
      length counts the header; type is the message's tag, PADDING_TYPE for a skipped tail

Segment:

     0        8             16            24           32         128
     +--------+-------------+-------------+------------+----------+---------- - -
     | magic  | layout hash | total bytes | generation | creator  | content
     +--------+-------------+-------------+------------+----------+---------- - -
      magic is stored last: an attacher that sees it sees a finished segment

Ring (content of its segment), each word on 128 bytes of its own:

     0         128     256        384        512        640        768       1024
     +---------+-------+----------+----------+----------+----------+---------+------- - -
     | static  | tail  | intent   | head 0   | head 1   | head 2   | spare   | frames
     +---------+-------+----------+----------+----------+----------+---------+------- - -
      static: capacity, consumers, reliable mask, never     producer: tail, intent     consumer i: head i
      never: beyond every position, the head of whoever gates nobody
"""

CACHE_LINE_BYTES = 64
WORD_SPACING_BYTES = 128
"""Distance between words of different writers: adjacent-line prefetch makes 64 bytes too little."""

FRAME_ALIGNMENT_BYTES = 64
FRAME_HEADER_BYTES = 32
FRAME_SEQUENCE = 8
FRAME_ORIGIN = 16
FRAME_PUBLISH = 24

PADDING_TYPE = 0x7FFF_FFFF
LENGTH_MASK = 0xFFFF_FFFF
TYPE_SHIFT = 32

SEGMENT_MAGIC = 0x5452_4144_4552_0001
SEGMENT_LAYOUT_HASH = 8
SEGMENT_BYTES = 16
SEGMENT_GENERATION = 24
SEGMENT_CREATOR = 32
SEGMENT_HEADER_BYTES = 128

RING_CONSUMERS_MAX = 3
RING_CAPACITY = 0
RING_CONSUMERS = 8
RING_RELIABLE = 16
RING_NEVER = 24
RING_TAIL = 128
RING_INTENT = 256
RING_HEADS = 384
RING_HEAD_MISSED = 16
"""In a consumer's head line, behind head and sequence: messages that it found overwritten."""
RING_HEADER_BYTES = 1024
RING_CAPACITY_BYTES_MIN = 4096
RING_CAPACITY_BYTES_MAX = 1 << 30

SLOT_VERSION = 0
SLOT_FRAME = 128
"""A slot: its version word, then one frame."""

DOORBELL_STATE = 0
DOORBELL_DESCRIPTOR = 8
DOORBELL_BYTES = 128

assert FRAME_ALIGNMENT_BYTES >= FRAME_HEADER_BYTES
assert RING_HEADS + RING_CONSUMERS_MAX * WORD_SPACING_BYTES <= RING_HEADER_BYTES
assert RING_HEADER_BYTES % FRAME_ALIGNMENT_BYTES == 0
assert SEGMENT_HEADER_BYTES % FRAME_ALIGNMENT_BYTES == 0


def frame_bytes_max(capacity_bytes: int) -> int:
    """The largest frame, header included, that a ring of this capacity takes."""
    return capacity_bytes // 8
