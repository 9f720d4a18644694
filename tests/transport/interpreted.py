"""The shipped kernels' own source, run by Python on a weak memory: no copy that could differ, no compilation.

A module of shm is executed again with other hands and feet: `shm.atomics` and `shm.kernel` are the machine's, records
are plain objects of int64 fields, and everything else is the text as it is shipped; or, for sabotage, that text with
one thing in it replaced.
"""

import ast
import builtins
import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from shm.memory import field_offset
from tests.transport.weak_memory import Machine, signed

ROOT = Path(__file__).resolve().parents[2]
AS_SHIPPED = ("shm", "shm.layout")
Patch = tuple[str, str, str]

_PRIVATE = 1 << 48


class Record:
    """A private structured record: int64 fields that wrap, arrays of them as lists."""

    def __init__(self, dtype: np.dtype) -> None:
        for name in dtype.names or ():
            shape = dtype[name].shape
            self.__dict__[name] = [0] * shape[0] if shape else 0

    def __setattr__(self, name: str, value: int) -> None:
        assert name in self.__dict__, f"no field {name}"
        self.__dict__[name] = signed(int(value))

    __setitem__ = __setattr__


class Interpreted:
    """Modules of shm on a machine. `patch`: (file name, old text, new text) of a sabotage."""

    def __init__(self, machine: Machine, patch: tuple[str, str, str] | None = None) -> None:
        self.machine, self.patch = machine, patch
        self.modules: dict[str, Any] = {}
        self._private = _PRIVATE
        self.atomics, self._kernel = _atomics(machine), _kernel(machine)

    def room(self, size: int) -> int:
        """Address of zeroed words that no record or segment uses."""
        at = self._private
        self._private += (size + 127) // 128 * 128
        return at

    def module(self, name: str) -> Any:
        """A module of shm by its last name, executed on the machine."""
        if name not in self.modules:
            path = ROOT / "shm" / f"{name}.py"
            made = ModuleType(f"shm.{name}")
            made.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
            exec(_compiled(self._text(path), str(path)), made.__dict__)
            self.modules[name] = made
        return self.modules[name]

    def function(self, file: str, name: str, **space: Any) -> Callable[..., Any]:
        """One function of any file of the house, without its decorators, that sees `space` and builtins only."""
        exec(_function(self._text(ROOT / file), file, name), space)
        return space[name]

    def _text(self, path: Path) -> str:
        text = path.read_text()
        if self.patch is not None and self.patch[0] == path.name:
            _, old, new = self.patch
            if text.count(old) != 1:
                raise LookupError(f"{path.name} no longer has, once: {old}")
            text = text.replace(old, new)
        return text

    def _import(self, name: str, where: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
        if name in ("shm.kernel", "shm.memory"):
            return self._kernel
        if name == "shm.atomics":
            return self.atomics
        if name == "numba" and "types" in (wanted or ()):
            return SimpleNamespace(types=_Types(self.machine))
        if name == "numba.extending":
            return SimpleNamespace(intrinsic=_stand_in)
        if name == "shm.checksum":
            return _checksum(self.machine)
        if name.startswith("shm.") and name not in AS_SHIPPED:
            return self.module(name.partition(".")[2])
        return __import__(name, where, local, wanted, level)


@functools.cache
def _compiled(text: str, file: str) -> Any:
    return compile(text, file, "exec")


@functools.cache
def _function(text: str, file: str, name: str) -> Any:
    found = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and each.name == name]
    if len(found) != 1:
        raise LookupError(f"{file} no longer has a function {name}")
    found[0].decorator_list.clear()
    return compile(ast.Module(list(found), []), file, "exec")


def _atomics(machine: Machine) -> Any:
    return SimpleNamespace(
        load_acquire=lambda address: machine.load(address, acquire=True),
        load_relaxed=machine.load,
        store_release=lambda address, value: machine.store(address, value, release=True),
        store_relaxed=machine.store,
        exchange=lambda address, value: machine.modify(address, lambda former: value),
        fetch_add=lambda address, value: machine.modify(address, lambda former: former + value),
        fetch_or=lambda address, value: machine.modify(address, lambda former: former | signed(value)),
        replace_if=lambda address, expected, value: int(
            machine.modify(address, lambda former: value if former == expected else former) == expected
        ),
        fence=machine.fence,
        fence_acquire=machine.fence_acquire,
        fence_release=machine.fence_release,
        pause=machine.let_others_go_first,
        prefetch_to_write=lambda address: None,
    )


def _part(machine: Machine, address: int, width: int) -> int:
    word = machine.load(address & ~7)
    return (word >> 8 * (address & 7)) & ((1 << 8 * width) - 1)


def _set_part(machine: Machine, address: int, value: int, width: int) -> None:
    shift, mask = 8 * (address & 7), (1 << 8 * width) - 1
    word = machine.newest(address & ~7)
    machine.store(address & ~7, (word & ~(mask << shift)) | (value & mask) << shift)


def _copy(machine: Machine, target: int, source: int, length: int) -> None:
    for offset in range(0, length - 7, 8):
        machine.store(target + offset, machine.load(source + offset))
    for offset in range(length & ~7, length):
        _set_part(machine, target + offset, _part(machine, source + offset, 1), 1)


def _stand_in(intrinsic: Callable[..., Any]) -> Callable[..., Any]:
    """What a module's own intrinsic comes to in Python, where that is plain."""
    assert intrinsic.__name__ == "as_word", f"{intrinsic.__name__} has no stand-in"
    return int


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _kernel(machine: Machine) -> Any:
    return SimpleNamespace(
        kernel=_as_it_is,
        inlined=_as_it_is,
        load_i64=machine.load,
        load_u8=lambda address: _part(machine, address, 1),
        load_u16=lambda address: _part(machine, address, 2),
        load_u32=lambda address: _part(machine, address, 4),
        store_i64=machine.store,
        store_pair=lambda address, first, second: (machine.store(address, first), machine.store(address + 8, second)),
        address_of=lambda record: record.address,
        field_offset=field_offset,
        store_u8=lambda address, value: _set_part(machine, address, value, 1),
        copy=lambda target, source, length: _copy(machine, target, source, length),
    )


def _checksum(machine: Machine) -> Any:
    """Any function that tells contents apart serves; the real one's arithmetic has tests of its own."""

    def crc_i64(crc: int, word: int) -> int:
        return hash((crc, signed(word))) & 0xFFFF_FFFF

    def crc_bytes(crc: int, address: int, length: int) -> int:
        for offset in range(0, length, 8):
            crc = crc_i64(crc, machine.load(address + offset))
        return crc

    return SimpleNamespace(crc_i64=crc_i64, crc_bytes=crc_bytes)


class _Types:
    """Stands for `numba.types` where a module declares what it calls of the C library."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ExternalFunction(self, name: str, signature: object) -> Callable[..., int]:
        return getattr(self, f"_{name}")

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None

    def _sched_yield(self) -> int:
        self.machine.let_others_go_first()
        return 0

    def _syscall(self, number: int, address: int, operation: int, value: int, *rest: int) -> int:
        if operation == 0:
            self.machine.sleep_on(address, value)
        else:
            self.machine.wake(address)
        return 0

    def _write(self, descriptor: int, address: int, length: int) -> int:
        self.machine.signal(descriptor)
        return length
