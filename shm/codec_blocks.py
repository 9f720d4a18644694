"""How the fixed-width form is read and written in blocks of 64 bytes: each is one load, one shuffle, one store.

    record   w0 ...... w1 ...... w2 ......          eight bytes a field, least significant first
               \\ reversed      \\
    body     d3 ........ d3 ........ d3 ........    nine bytes a field, most significant first

Which byte goes where is known when a message's code is generated: a block is a permutation of the other side's bytes,
with the constant ones put in between (encode) or compared (decode). Processors that permute bytes across a whole
64-byte register do that in one instruction; others take the field-by-field code of `codec`, and bytes are the same.
"""

from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from shm.codec_any import BIN, BOOL
from shm.codec_layout import Layout, cells, markers

BLOCK_BYTES = 64
LARGE_BYTES = 128
"""Records from this size on. A smaller one is read where its fields have just been stored, word by word, and a block
of them waits until the last of these stores is done (5 % of tick to order)."""

BY_BLOCKS = bool(llvm.get_host_cpu_features().get("avx512vbmi"))
"""Whether this host's processor permutes the bytes of a block in one instruction."""

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BLOCK = ir.VectorType(_I8, BLOCK_BYTES)


@dataclass(frozen=True)
class Run:
    """Words of a record that one block of the body holds: where the block is, the record's offset, body offsets."""

    start: int
    record_offset: int
    values: tuple[int, ...]


def has_blocks(layout: Layout, record_bytes: int) -> bool:
    """Whether a message is moved in blocks: it is large, and a block of the body tells of one of the record.

    Bools have another width and are left to the code that takes field by field."""
    if record_bytes < LARGE_BYTES or layout.fixed_bytes < BLOCK_BYTES:
        return False
    if any(kind == BOOL for kind, _, _ in cells(layout)):
        return False
    sources = body_sources(layout)
    return all(_window(sources[at : at + size], record_bytes) is not None for at, size in _blocks(len(sources)))


def body_sources(layout: Layout) -> list[tuple[int, int]]:
    """For every byte of the body (constant, -1) or (0, offset of the record's byte)."""
    sources = [(0, -1)] * layout.fixed_bytes
    for offset, byte in markers(layout):
        sources[offset] = (byte, -1)
    for kind, record_offset, offset in cells(layout):
        if kind == BIN:
            for index in range(4):
                sources[offset + 1 + index] = (0, record_offset + 8 + 3 - index)
        else:
            for index in range(8):
                sources[offset + 1 + index] = (0, record_offset + 7 - index)
    return sources


def runs(layout: Layout) -> list[Run]:
    """The words of ints and floats, as many in each run as one block holds."""
    found: list[Run] = []
    for kind, record_offset, offset in cells(layout):
        if kind == BIN:
            continue
        last = found[-1] if found else None
        if (
            last is not None
            and record_offset == last.record_offset + 8 * len(last.values)
            and offset + 9 <= last.start + BLOCK_BYTES
        ):
            found[-1] = Run(last.start, last.record_offset, (*last.values, offset + 1))
        else:
            start = min(offset if found else 0, layout.fixed_bytes - BLOCK_BYTES)
            found.append(Run(start, record_offset, (offset + 1,)))
    return found


def _blocks(length: int) -> list[tuple[int, int]]:
    """(offset, bytes) of blocks, the last one shorter."""
    return [(at, min(BLOCK_BYTES, length - at)) for at in range(0, length, BLOCK_BYTES)]


def _powers(length: int) -> list[tuple[int, int]]:
    """(offset, bytes) of ever smaller powers of two that fill a length: none overlaps another, each is aligned."""
    found, at = [], 0
    for size in (64, 32, 16, 8, 4, 2, 1):
        if length & size:
            found.append((at, size))
            at += size
    return found


def _window(part: list[tuple[int, int]], record_bytes: int) -> int | None:
    """Offset of the record's block that a piece of the body is made of; None when one block does not hold it all."""
    offsets = [offset for _, offset in part if offset >= 0] or [0]
    start = min(min(offsets), record_bytes - BLOCK_BYTES)
    return start if max(offsets) < start + BLOCK_BYTES else None


class Blocks:
    """Emits the code of one message at the addresses of its record and its body."""

    def __init__(self, builder: Any, layout: Layout, record: Any, record_bytes: int, body: Any) -> None:
        self.builder = builder
        self.layout = layout
        self.record = record
        self.record_bytes = record_bytes
        self.body = body

    def _pointer(self, base: Any, offset: int, kind: Any) -> Any:
        return self.builder.inttoptr(self.builder.add(base, ir.Constant(_I64, offset)), kind.as_pointer())

    def _block(self, base: Any, offset: int) -> Any:
        return self.builder.load(self._pointer(base, offset, _BLOCK), align=1)

    def _shuffle(self, first: Any, second: Any, lanes: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(_I32, BLOCK_BYTES), lanes + [0] * (BLOCK_BYTES - len(lanes)))
        return self.builder.shuffle_vector(first, second, mask)

    def _store(self, block: Any, length: int, base: Any, offset: int) -> None:
        """Store the first `length` bytes of a block."""
        for at, size in _powers(length):
            if size >= 16:
                part = ir.Constant(ir.VectorType(_I32, size), list(range(at, at + size)))
                value = self.builder.shuffle_vector(block, block, part) if size < BLOCK_BYTES else block
            else:
                words = self.builder.bitcast(block, ir.VectorType(ir.IntType(8 * size), BLOCK_BYTES // size))
                value = self.builder.extract_element(words, ir.Constant(_I32, at // size))
            self.builder.store(value, self._pointer(base, offset + at, value.type), align=1)

    def encode(self) -> None:
        """Write every byte of the body."""
        sources = body_sources(self.layout)
        for at, size in _blocks(len(sources)):
            part = sources[at : at + size]
            window = _window(part, self.record_bytes)
            assert window is not None, "has_blocks was asked"
            constants = ir.Constant(_BLOCK, [byte for byte, _ in part] + [0] * (BLOCK_BYTES - size))
            lanes = [BLOCK_BYTES + lane if offset < 0 else offset - window for lane, (_, offset) in enumerate(part)]
            self._store(self._shuffle(self._block(self.record, window), constants, lanes), size, self.body, at)

    def load(self) -> tuple[list[Any], Any]:
        """(the body's block of each run, bits that are not as they have to be: 0 if every marker in them is there)."""
        wanted = dict(markers(self.layout))
        blocks, wrong = [], ir.Constant(_BLOCK, [0] * BLOCK_BYTES)
        for run in runs(self.layout):
            block = self._block(self.body, run.start)
            inside = [wanted.pop(run.start + lane, None) for lane in range(BLOCK_BYTES)]
            expected = ir.Constant(_BLOCK, [byte or 0 for byte in inside])
            looked_at = ir.Constant(_BLOCK, [0 if byte is None else 0xFF for byte in inside])
            differs = self.builder.and_(self.builder.xor(block, expected), looked_at)
            wrong = self.builder.or_(wrong, differs)
            blocks.append(block)
        some = self.builder.icmp_unsigned("!=", wrong, ir.Constant(_BLOCK, [0] * BLOCK_BYTES))
        bits = self.builder.bitcast(some, _I64)
        for offset, byte in wanted.items():  # behind the last run: the marker of a bin
            there = self.builder.load(self._pointer(self.body, offset, _I8), align=1)
            different = self.builder.xor(there, ir.Constant(_I8, byte))
            bits = self.builder.or_(bits, self.builder.zext(different, _I64))
        return blocks, bits

    def decode(self, blocks: list[Any]) -> None:
        """Write the runs' words into the record. A store may reach into the next run's, which is stored after it."""
        found = runs(self.layout)
        none = ir.Constant(_BLOCK, [0] * BLOCK_BYTES)
        for index, (run, block) in enumerate(zip(found, blocks, strict=True)):
            lanes = [value - run.start + byte for value in run.values for byte in range(7, -1, -1)]
            behind = run.record_offset + len(lanes)
            followed = index + 1 < len(found) and found[index + 1].record_offset == behind
            next_bytes = 8 * len(found[index + 1].values) if followed else 0
            stored = BLOCK_BYTES if len(lanes) + next_bytes >= BLOCK_BYTES else len(lanes)
            self._store(self._shuffle(block, none, lanes), stored, self.record, run.record_offset)
