"""Our time: int64 nanoseconds of CLOCK_MONOTONIC, read through the time-stamp counter where it is invariant.

The supervisor calibrates once and publishes the scale; every process of a run reads the same scale, so their
stamps compare. Reading costs about 10 ns through the counter, about 40 ns through `clock_gettime`.

A clock is a record of five int64 (CLOCK). VIRTUAL clocks hold the time that a replay or backtest sets.
"""

import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shm.kernel import inlined, kernel, load_i64, new_record, view

SYSTEM, COUNTER, VIRTUAL = range(3)

CLOCK = np.dtype(
    [("kind", "i8"), ("base_ns", "i8"), ("base_ticks", "i8"), ("scale", "i8"), ("now_ns", "i8")], align=True
)
"""scale: nanoseconds per tick times 2**32; now_ns: the time of a VIRTUAL clock."""

_I64 = ir.IntType(64)
_I128 = ir.IntType(128)
_CALIBRATION_NS = 20_000_000


@intrinsic
def _read_ticks(typingctx: Any) -> Any:
    """The time-stamp counter; 0 where the architecture has none that we read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not builder.module.triple.startswith("x86_64"):
            return ir.Constant(_I64, 0)
        read = builder.module.declare_intrinsic("llvm.x86.rdtsc", (), ir.FunctionType(_I64, []))
        return builder.call(read, [])

    return types.int64(), generate


@intrinsic
def _scaled(typingctx: Any, ticks: Any, scale: Any) -> Any:
    """ticks * scale / 2**32 in 128 bits: an int64 product would overflow after two seconds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        product = builder.mul(builder.sext(arguments[0], _I128), builder.sext(arguments[1], _I128))
        return builder.trunc(builder.ashr(product, ir.Constant(_I128, 32)), _I64)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _system_time(typingctx: Any) -> Any:
    """clock_gettime(CLOCK_MONOTONIC) in nanoseconds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pair = cgutils.alloca_once(builder, ir.ArrayType(_I64, 2))
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), ir.IntType(8).as_pointer()])
        function = builder.module.globals.get("clock_gettime") or ir.Function(builder.module, kind, "clock_gettime")
        builder.call(function, [ir.Constant(ir.IntType(32), 1), builder.bitcast(pair, ir.IntType(8).as_pointer())])
        seconds = builder.extract_value(builder.load(pair), 0)
        rest = builder.extract_value(builder.load(pair), 1)
        return builder.add(builder.mul(seconds, ir.Constant(_I64, 1_000_000_000)), rest)

    return types.int64(), generate


@inlined
def read_clock(clock_address):
    """Now, in nanoseconds, by the CLOCK record at an address."""
    clock = view(clock_address, CLOCK)
    if clock.kind == COUNTER:
        return clock.base_ns + _scaled(_read_ticks() - clock.base_ticks, clock.scale)
    if clock.kind == VIRTUAL:
        return load_i64(clock_address + 32)
    return _system_time()


@kernel
def now_ns(clock_address):
    """Now, in nanoseconds, for callers in Python."""
    return read_clock(clock_address)


@kernel
def _ticks_and_time():
    """(ticks, nanoseconds) taken together: the closest pair of a few tries."""
    best_gap = 1 << 62
    ticks = time_ns = 0
    for _ in range(16):
        before = _read_ticks()
        at_ns = _system_time()
        after = _read_ticks()
        if after - before < best_gap:
            best_gap, ticks, time_ns = after - before, before + (after - before) // 2, at_ns
    return ticks, time_ns


def counter_is_invariant() -> bool:
    """Whether this host says that its time-stamp counter ticks at one rate, on every core, in every sleep."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        return False
    return "constant_tsc" in flags and "nonstop_tsc" in flags


def calibrate(clock: np.ndarray) -> None:
    """Fill a CLOCK record: through the counter where it is invariant, else the system clock."""
    row = clock[0]
    row["kind"] = SYSTEM
    if not counter_is_invariant():
        return
    start_ticks, start_ns = _ticks_and_time()
    while time.monotonic_ns() - start_ns < _CALIBRATION_NS:
        pass
    end_ticks, end_ns = _ticks_and_time()
    if end_ticks <= start_ticks:
        return
    row["base_ns"], row["base_ticks"] = end_ns, end_ticks
    row["scale"] = ((end_ns - start_ns) << 32) // (end_ticks - start_ticks)
    row["kind"] = COUNTER


def virtual_clock(start_ns: int) -> np.ndarray:
    """A clock that stands still until its `now_ns` is set."""
    clock = new_record(CLOCK)
    clock[0]["kind"] = VIRTUAL
    clock[0]["now_ns"] = start_ns
    return clock
