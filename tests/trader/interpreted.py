"""The shipped kernels of trader, run by Python: nothing is compiled, and one text of one module may be another.

    Interpreted("trader.risk.checks", old, new).module("tests.trader.test_risk_checks").test_...()

Modules of trader, and the tests that are asked for, are executed anew with `shm.kernel`'s decorators left out, and
with records whose fields are attributes, as compiled code sees them. What shm makes of messages is shared: records are
the same bytes. Slower than compiled code by two orders, and ready at once, so that a deliberate bug costs milliseconds.
"""

import builtins
import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from shm import kernel as compiled

ROOT = Path(__file__).resolve().parents[2]
AS_THEY_ARE = ("trader.enums", "trader.messages", "trader.instrument", "trader.ranges", "trader.units")
"""Modules without kernels, or whose classes must be one and the same everywhere."""


class Interpreted:
    """One executed copy of the modules. `module`, `old`, `new`: the deliberate bug, if any."""

    def __init__(self, module: str = "", old: str = "", new: str = "") -> None:
        self.bug = (module, old, new)
        self.modules: dict[str, ModuleType] = {}
        stand_ins = {"kernel": _run, "inlined": _run, "address_of": _no_address, "prefetch_to_write": _nothing(_run)}
        self._kernel = SimpleNamespace(**{**vars(compiled), **stand_ins})

    def module(self, name: str) -> Any:
        """A module of trader or of its tests, executed here."""
        if name not in self.modules:
            path = path_of(name)
            made = ModuleType(name)
            made.__file__ = str(path)
            made.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
            self.modules[name] = made
            exec(_code(self._text(name, path), str(path)), made.__dict__)
        return self.modules[name]

    def _text(self, name: str, path: Path) -> str:
        text = path.read_text()
        module, old, new = self.bug
        if name != module:
            return text
        assert text.count(old) == 1, f"{module} no longer has, once: {old}"
        return text.replace(old, new)

    def _import(self, name: str, where: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
        if name == "shm.kernel":
            return self._kernel
        if name == "numba.extending":
            return SimpleNamespace(intrinsic=_nothing)
        is_own = name.startswith(("trader.", "tests.trader.")) and not name.startswith(AS_THEY_ARE)
        if not is_own or not wanted:
            return __import__(name, where, local, wanted, level)
        found = self.module(name)
        for part in wanted:
            if not hasattr(found, part) and path_of(f"{name}.{part}").is_file():
                setattr(found, part, self.module(f"{name}.{part}"))
        return found


def path_of(name: str) -> Path:
    """The module's file."""
    path = ROOT / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _code(text: str, file: str) -> Any:
    return compile(text, file, "exec")


def _run(function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel as a Python function; arithmetic that compiled code would let pass raises nothing."""

    @functools.wraps(function)
    def kernel(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*(_as_record(argument) for argument in arguments))

    return kernel


def _as_record(argument: Any) -> Any:
    if isinstance(argument, np.void) and not isinstance(argument, Record):
        return argument.view((Record, argument.dtype))
    return argument


class Record(np.void):
    """A structured record whose fields are attributes, whatever their names."""

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__
        field = None if name.startswith("__") else own(self, "dtype").fields.get(name)
        if field is None:
            return own(self, name)
        found = own(self, "getfield")(*field[:2])
        return found.view((Record, found.dtype)) if found.dtype.names else found

    def __setattr__(self, name: str, value: Any) -> None:
        dtype, offset = object.__getattribute__(self, "dtype").fields[name][:2]
        object.__getattribute__(self, "setfield")(value, dtype, offset)


def _no_address(record: Any) -> int:
    """Addresses are asked for by hints alone; whoever loads from one is not to be interpreted."""
    return 0


def _nothing(intrinsic: Callable[..., Any]) -> Callable[..., None]:
    """Stands for a hint to the compiler, which does nothing."""
    return lambda *arguments: None
