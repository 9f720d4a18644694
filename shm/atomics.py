"""The one memory-order decision: every shared word is touched through these, and through nothing else.

    load_acquire    nothing after it is moved before it: a reader looks at a commit word, then at the frame
    store_release   nothing before it is moved after it: a writer fills a frame, then stores the commit word
    fence           full barrier: a sleeper's "I sleep" and a waker's "I published" cannot both be missed

A plain load in a waiting loop is hoisted by the compiler (the loop vanishes); these never are.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_I64_POINTER = _I64.as_pointer()


@intrinsic
def load_acquire(typingctx: Any, address: Any) -> Any:
    """load_acquire(address) -> int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _I64_POINTER), "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def load_relaxed(typingctx: Any, address: Any) -> Any:
    """load_relaxed(address) -> int64: not torn, not hoisted, no order with other words."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _I64_POINTER), "monotonic", 8)

    return types.int64(types.int64), generate


def _store(ordering: str) -> Any:
    @intrinsic
    def store(typingctx: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.store_atomic(arguments[1], builder.inttoptr(arguments[0], _I64_POINTER), ordering, 8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return store


store_release = _store("release")
store_relaxed = _store("monotonic")


def _read_modify_write(operation: str) -> Any:
    @intrinsic
    def modify(typingctx: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], _I64_POINTER)
            return builder.atomic_rmw(operation, pointer, arguments[1], "seq_cst")

        return types.int64(types.int64, types.int64), generate

    return modify


exchange = _read_modify_write("xchg")
fetch_add = _read_modify_write("add")
fetch_or = _read_modify_write("or")


@intrinsic
def replace_if(typingctx: Any, address: Any, expected: Any, value: Any) -> Any:
    """replace_if(address, expected, value) -> 1 when the word was `expected` and is now `value`, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _I64_POINTER)
        found = builder.cmpxchg(pointer, arguments[1], arguments[2], "seq_cst", "seq_cst")
        return builder.zext(builder.extract_value(found, 1), _I64)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def fence(typingctx: Any) -> Any:
    """fence(): a full memory barrier."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def fence_acquire(typingctx: Any) -> Any:
    """fence_acquire(): loads before it stay before loads after it (a seqlock's second look)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("acquire")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def fence_release(typingctx: Any) -> Any:
    """fence_release(): stores before it stay before stores after it (a seqlock's odd version)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("release")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def pause(typingctx: Any) -> Any:
    """pause(): tell the core that this is a spin loop; a hint, and nothing where the core has none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        triple = builder.module.triple
        if triple.startswith("x86_64"):
            hint = builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), ir.FunctionType(ir.VoidType(), []))
            builder.call(hint, [])
        elif triple.startswith("aarch64"):
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
            hint = builder.module.declare_intrinsic("llvm.aarch64.hint", (), kind)
            builder.call(hint, [ir.Constant(ir.IntType(32), 1)])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def prefetch_to_write(typingctx: Any, address: Any) -> Any:
    """prefetch_to_write(address): a hint that this line will be written soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        hint = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        constants = [ir.Constant(number, value) for value in (1, 3, 1)]
        builder.call(hint, [builder.inttoptr(arguments[0], byte), *constants])
        return context.get_dummy_value()

    return types.void(types.int64), generate
