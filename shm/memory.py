"""Raw memory: typed views of an address, plain loads and stores, copies.

Everything here is an LLVM intrinsic of a few instructions, inlined into its caller. An address is an
int64. Plain accesses may be hoisted out of a loop by the compiler: words that another process writes are
read through `atomics` only.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_BYTE_POINTER = ir.IntType(8).as_pointer()


@intrinsic
def view(typingctx: Any, address: Any, dtype: Any) -> Any:
    """view(address, DTYPE) -> the structured record of that dtype which begins at address."""
    record = dtype.dtype
    if not isinstance(record, types.Record):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(record))

    return record(types.int64, dtype), generate


@intrinsic
def address_of(typingctx: Any, record: Any) -> Any:
    """address_of(record) -> int64 address of a structured record, nested ones included."""
    if not isinstance(record, types.Record):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], _I64)

    return types.int64(record), generate


def _load(width: int) -> Any:
    @intrinsic
    def load(typingctx: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.IntType(width)
            value = builder.load(builder.inttoptr(arguments[0], kind.as_pointer()), align=1)
            return builder.zext(value, _I64) if width < 64 else value

        return types.int64(types.int64), generate

    return load


def _store(width: int) -> Any:
    @intrinsic
    def store(typingctx: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.IntType(width)
            word = builder.trunc(arguments[1], kind) if width < 64 else arguments[1]
            builder.store(word, builder.inttoptr(arguments[0], kind.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return store


load_i64 = _load(64)
load_u32 = _load(32)
load_u16 = _load(16)
load_u8 = _load(8)
store_i64 = _store(64)
store_i32 = _store(32)
store_u16 = _store(16)
store_u8 = _store(8)


@intrinsic
def store_pair(typingctx: Any, address: Any, first: Any, second: Any) -> Any:
    """store_pair(address, first, second): two int64 side by side as one store: half the place in a core's queue."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(_I64, 2)
        pair = ir.Constant(kind, ir.Undefined)
        for index in range(2):
            pair = builder.insert_element(pair, arguments[1 + index], ir.Constant(ir.IntType(32), index))
        builder.store(pair, builder.inttoptr(arguments[0], kind.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def copy(typingctx: Any, destination: Any, source: Any, length: Any) -> Any:
    """copy(destination, source, length): bytes from one address to another; the spans must not overlap."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memcpy = builder.module.declare_intrinsic("llvm.memcpy", [_BYTE_POINTER, _BYTE_POINTER, _I64])
        target = builder.inttoptr(arguments[0], _BYTE_POINTER)
        origin = builder.inttoptr(arguments[1], _BYTE_POINTER)
        builder.call(memcpy, [target, origin, arguments[2], ir.Constant(ir.IntType(1), 0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def call_entry(typingctx: Any, entry: Any, first: Any, second: Any, third: Any, fourth: Any, fifth: Any) -> Any:
    """call_entry(entry, a, b, c, d, e) -> int64: call the C entry point at an address (an indirect call)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_I64, [_I64] * 5)
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

    return types.int64(*[types.int64] * 6), generate


def address_of_array(array: np.ndarray) -> int:
    """Address of a numpy array's first byte. The caller keeps the array alive: an int keeps nothing alive."""
    return int(array.ctypes.data)


def new_record(dtype: np.dtype) -> np.ndarray:
    """One zeroed record of `dtype`, 128-byte aligned, as a zero-dimensional-like array of length 1.

    For tests, libraries and backtests that want a kernel's state in ordinary memory.
    """
    size = dtype.itemsize
    raw = np.zeros(size + 128, dtype=np.uint8)
    offset = -raw.ctypes.data % 128
    return raw[offset : offset + size].view(dtype)


def field_offset(dtype: np.dtype, name: str) -> int:
    """Bytes from the start of a structured dtype to one of its fields. Raises KeyError."""
    fields: Any = dtype.fields or {}
    return int(fields[name][1])
