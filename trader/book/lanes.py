"""Vector operations on blocks of int64 words: a search in them that has no branch to predict wrongly."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 8

_I64 = ir.IntType(64)


def _count_below(words: int) -> Any:
    @intrinsic
    def count_below(typingctx: Any, address: Any, key: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            lanes = ir.VectorType(_I64, LANES)
            undefined = ir.Constant(lanes, ir.Undefined)
            everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            keys = builder.insert_element(undefined, arguments[1], ir.Constant(ir.IntType(32), 0))
            keys = builder.shuffle_vector(keys, undefined, everywhere)
            first = builder.inttoptr(arguments[0], lanes.as_pointer())
            bits = ir.Constant(_I64, 0)
            for index in range(words // LANES):
                there = builder.load(builder.gep(first, [ir.Constant(_I64, index)]), align=8)
                below = builder.bitcast(builder.icmp_signed("<", there, keys), ir.IntType(LANES))
                shift = ir.Constant(_I64, LANES * index)
                bits = builder.or_(bits, builder.shl(builder.zext(below, _I64), shift))
            return builder.ctpop(bits)

        return types.int64(types.int64, types.int64), generate

    return count_below


count_below_8 = _count_below(8)
count_below_64 = _count_below(64)
"""count_below_N(address, key) -> how many of the N int64 words from `address` are less than `key`.

In an ascending block: the position of the first word that is not. A binary search takes log2(N) steps, and the
processor guesses half of them wrong where keys come at random.
"""
