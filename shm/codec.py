"""Fixed-width msgpack derived from the message Structs, compiled.

Every integer is written as int64 (0xd3), every float as float64 (0xcb), so a field stands at a constant
offset and decoding is a byte-swapped load:

    0x9N | tag | d3 ........ | cb ........ | 9M d3 ........ d3 ........ | c6 length32 bytes...
    array  fixint  int          float        fixed array of M ints        one bin, last

The bytes are ordinary msgpack: `msgspec.msgpack.decode(body, type=...)` reads them, and `decode` also takes
the shorter forms that msgspec writes. Both directions work on a structured record with the same field names
(`record_dtype`); the record's type tells the message, so a call reads `encode(record, address)`.

A `bytes` field `x` is two int64 in the record, `x_address` and `x_length`. After `decode` the address points
into the frame and is valid as long as the frame is.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shm.checksum import digest
from shm.codec_any import BIN, BOOL, decode_any
from shm.codec_blocks import BY_BLOCKS, Blocks, has_blocks
from shm.codec_layout import body_bytes_fixed as body_bytes_fixed
from shm.codec_layout import cells, layout_for, markers
from shm.codec_layout import layout_of as layout_of
from shm.codec_layout import record_dtype as record_dtype
from shm.kernel import address_of, copy, inlined

DECODED = 0
_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


class _Emitter:
    """Loads and stores at constant offsets of two addresses."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def pointer(self, base: Any, offset: int, kind: Any) -> Any:
        return self.builder.inttoptr(self.builder.add(base, ir.Constant(_I64, offset)), kind.as_pointer())

    def load(self, base: Any, offset: int, kind: Any) -> Any:
        return self.builder.load(self.pointer(base, offset, kind), align=1)

    def store(self, value: Any, base: Any, offset: int, kind: Any) -> None:
        self.builder.store(value, self.pointer(base, offset, kind), align=1)


@intrinsic
def tag_of_record(typingctx: Any, record: Any) -> Any:
    """tag_of_record(record) -> the message tag of a record's type, a constant."""
    tag = layout_for(record).tag
    return types.int64(record), lambda context, builder, signature, arguments: ir.Constant(_I64, tag)


@intrinsic
def body_bytes(typingctx: Any, record: Any) -> Any:
    """body_bytes(record) -> bytes that `encode` will write, the bin's content included."""
    layout = layout_for(record)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fixed = ir.Constant(_I64, layout.fixed_bytes)
        if not layout.has_bin:
            return fixed
        base = builder.ptrtoint(arguments[0], _I64)
        return builder.add(fixed, _Emitter(builder).load(base, layout.fields[-1].record_offset + 8, _I64))

    return types.int64(record), generate


@intrinsic
def _encode_fixed(typingctx: Any, record: Any, body: Any) -> Any:
    """Write every constant byte and every scalar of a record's message at the address `body`."""
    layout = layout_for(record)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit, base, target = _Emitter(builder), builder.ptrtoint(arguments[0], _I64), arguments[1]
        if BY_BLOCKS and has_blocks(layout, record.size):
            Blocks(builder, layout, base, record.size, target).encode()
            return context.get_dummy_value()
        for offset, byte in markers(layout):
            emit.store(ir.Constant(_I8, byte), target, offset, _I8)
        for kind, source, offset in cells(layout):
            value = emit.load(base, source, _I64)
            if kind == BOOL:
                flag = builder.select(
                    builder.icmp_signed("!=", value, ir.Constant(_I64, 0)),
                    ir.Constant(_I8, 0xC3),
                    ir.Constant(_I8, 0xC2),
                )
                emit.store(flag, target, offset, _I8)
            elif kind == BIN:
                length = builder.trunc(emit.load(base, source + 8, _I64), _I32)
                emit.store(builder.bswap(length), target, offset + 1, _I32)
            else:
                emit.store(builder.bswap(value), target, offset + 1, _I64)
        return context.get_dummy_value()

    return types.void(record, types.int64), generate


@intrinsic
def _decode_fixed(typingctx: Any, body: Any, length: Any, record: Any) -> Any:
    """Read the fixed-width form; 1 if the bytes were of that form, else 0 and the record is as it was.

    The caller has checked that `length` is at least the fixed part.
    """
    layout = layout_for(record)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, length, target = arguments[0], arguments[1], builder.ptrtoint(arguments[2], _I64)
        emit = _Emitter(builder)
        blocks = None
        if BY_BLOCKS and has_blocks(layout, record.size):
            blocks = Blocks(builder, layout, target, record.size, source)
            loaded, wrong = blocks.load()
        else:
            wrong = ir.Constant(_I8, 0)
            for offset, byte in markers(layout):
                wrong = builder.or_(wrong, builder.xor(emit.load(source, offset, _I8), ir.Constant(_I8, byte)))
        fine = builder.icmp_unsigned("==", wrong, ir.Constant(wrong.type, 0))
        for kind, _, offset in cells(layout):
            if kind == BOOL:
                flag = builder.and_(emit.load(source, offset, _I8), ir.Constant(_I8, 0xFE))
                fine = builder.and_(fine, builder.icmp_unsigned("==", flag, ir.Constant(_I8, 0xC2)))
        count = ir.Constant(_I64, 0)
        if layout.has_bin:
            count = builder.zext(builder.bswap(emit.load(source, layout.fields[-1].body_offset + 1, _I32)), _I64)
        whole = builder.icmp_signed("==", builder.add(count, ir.Constant(_I64, layout.fixed_bytes)), length)
        fine = builder.and_(fine, whole)
        with builder.if_then(fine, likely=True):
            if blocks is not None:
                blocks.decode(loaded)
            for kind, offset, at in cells(layout):
                if kind == BOOL:
                    bit = builder.and_(emit.load(source, at, _I8), ir.Constant(_I8, 1))
                    emit.store(builder.zext(bit, _I64), target, offset, _I64)
                elif kind == BIN:
                    emit.store(builder.add(source, ir.Constant(_I64, layout.fixed_bytes)), target, offset, _I64)
                    emit.store(count, target, offset + 8, _I64)
                elif blocks is None:
                    emit.store(builder.bswap(emit.load(source, at + 1, _I64)), target, offset, _I64)
        return builder.zext(fine, _I64)

    return types.int64(types.int64, types.int64, record), generate


@intrinsic
def _field_table(typingctx: Any, record: Any) -> Any:
    """Address of a constant table for `decode_any`: fields, tag, then (kind, count, record offset) each."""
    layout = layout_for(record)
    words = [len(layout.fields), layout.tag]
    for field in layout.fields:
        words += [field.kind, field.count, field.record_offset]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        constant = ir.Constant(ir.ArrayType(_I64, len(words)), [ir.Constant(_I64, word) for word in words])
        name = builder.module.get_unique_name(f"codec_{layout.name}")
        return builder.ptrtoint(cgutils.global_constant(builder, name, constant), _I64)

    return types.int64(record), generate


@intrinsic
def _fixed_bytes(typingctx: Any, record: Any) -> Any:
    fixed = layout_for(record).fixed_bytes
    return types.int64(record), lambda context, builder, signature, arguments: ir.Constant(_I64, fixed)


@intrinsic
def _bin_span(typingctx: Any, record: Any) -> Any:
    """(address, length) of a record's bin; (0, 0) for a message without one."""
    layout = layout_for(record)
    result = types.UniTuple(types.int64, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pair = [ir.Constant(_I64, 0)] * 2
        if layout.has_bin:
            base, offset = builder.ptrtoint(arguments[0], _I64), layout.fields[-1].record_offset
            pair = [_Emitter(builder).load(base, offset + 8 * index, _I64) for index in range(2)]
        return context.make_tuple(builder, signature.return_type, pair)

    return result(record), generate


@intrinsic
def _scalar_bytes(typingctx: Any, record: Any) -> Any:
    """Bytes of a record without the two words that tell of its bin."""
    layout = layout_for(record)
    size = record.size - (16 if layout.has_bin else 0)
    return types.int64(record), lambda context, builder, signature, arguments: ir.Constant(_I64, size)


@inlined
def digest_record(value, record):
    """Continue a digest by a record's message, as `encode` would write it: its scalars, then its bin.

    The record is read and not the frame, whose bytes have only just been stored at odd addresses: a processor
    would wait for every one of those stores.
    """
    value = digest(value, address_of(record), _scalar_bytes(record))
    address, length = _bin_span(record)
    if length:
        value = digest(value, address, length)
    return value


@inlined
def encode(record, body):
    """Write a record's message at the address `body`; return its length in bytes (see `body_bytes`)."""
    _encode_fixed(record, body)
    address, length = _bin_span(record)
    if length:
        copy(body + _fixed_bytes(record), address, length)
    return _fixed_bytes(record) + length


@inlined
def decode(body, length, record):
    """Read `length` bytes at `body` into a record: DECODED, or a negative code of `shm.codec_any`."""
    if length >= _fixed_bytes(record) and _decode_fixed(body, length, record):
        return DECODED
    return decode_any(body, length, address_of(record), _field_table(record))
