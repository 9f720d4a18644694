"""The one compile policy: how every kernel and step is compiled, cached and keyed.

Numba's own cache looks only at the file that defines a function, so a changed function that another
module calls would be missed. Here each module's cache folder is named by a hash over the module and
everything of this project that it imports, directly or not: a change recompiles exactly what it reaches.

    <user cache>/trader-kernels/<hash of module + its imports>/...

`TRADER_CACHE_DIR` moves the cache. Folders untouched for thirty days are removed by `prune_cache`.

The raw-memory intrinsics of `shm.memory`, and a hint of `shm.atomics`, are offered here too: this is the one file of
`shm` that the pure kernels of `trader` import.
"""

import functools
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import types

from shm.atomics import prefetch_to_write as prefetch_to_write
from shm.memory import address_of as address_of
from shm.memory import address_of_array as address_of_array
from shm.memory import copy as copy
from shm.memory import load_i64 as load_i64
from shm.memory import load_u8 as load_u8
from shm.memory import load_u16 as load_u16
from shm.memory import load_u32 as load_u32
from shm.memory import new_record as new_record
from shm.memory import store_i32 as store_i32
from shm.memory import store_i64 as store_i64
from shm.memory import store_pair as store_pair
from shm.memory import store_u8 as store_u8
from shm.memory import store_u16 as store_u16
from shm.memory import view as view
from shm.parts import Callback, Part, Twin

PACKAGES = ("shm", "trader", "procs")
_ROOT = str(Path(__file__).resolve().parent.parent)
CACHE_DAYS_MAX = 30

STEP_SIGNATURE = types.int64(types.int64, types.int64, types.int64, types.int64, types.int64)
"""state address, ports address, message type, frame address, now_ns -> code (0 is fine)."""

_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+([\w.]+))", re.M)


def cache_root() -> Path:
    """The folder that holds every compiled kernel of this user."""
    configured = os.environ.get("TRADER_CACHE_DIR")
    if configured:
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "trader-kernels"


class _KernelPart(Part):
    """What other compiled code calls of a kernel."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Constants and enum members are plain integers here: one compilation serves them all."""
        return super().get_call_template(tuple(_plain(argument) for argument in args), kws)


class Kernel:
    """A compiled function: a part of what other compiled code calls, and for Python a twin that is entered.

    Only what is entered is cached: the twins, and the Entry points. Both of numba's objects are made when first asked
    for: there are a thousand kernels, and a run whose steps are in the cache asks for a few dozen.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._options = options

    @functools.cached_property
    def part(self) -> Part:
        """The dispatcher whose functions are linked into callers."""
        return _KernelPart(self.py_func, {**_OPTIONS, **self._options})

    @property
    def _numba_type_(self) -> Any:
        """What numba takes a kernel for that compiled code names."""
        return self.part._numba_type_

    @functools.cached_property
    def python_twin(self) -> Any:
        """The dispatcher that Python calls."""
        _enter_cache(self.py_func.__module__, "python")
        return Twin(self.py_func, {**_OPTIONS, **self._options})

    def __call__(self, *arguments: Any) -> Any:
        return self.python_twin(*arguments)

    def inspect_llvm(self, signature: Any = None) -> Any:
        """The generated code of what Python has called."""
        return self.python_twin.inspect_llvm(signature)

    def inspect_asm(self, signature: Any = None) -> Any:
        """The machine code of what Python has called."""
        return self.python_twin.inspect_asm(signature)


def _plain(argument: Any) -> Any:
    argument = types.unliteral(argument)
    return types.int64 if isinstance(argument, types.IntEnumMember) else argument


_OPTIONS: dict[str, Any] = {"nopython": True, "nogil": True, "error_model": "numpy", "forceinline": False}
"""`forceinline` is said, because numba otherwise hands an inlined caller's down to what it calls."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a module-level function on first use: no GIL, no exceptions from arithmetic."""
    return Kernel(function, {})


def inlined(function: Callable[..., Any]) -> Any:
    """A kernel that LLVM always merges into its caller: for the few-instruction accessors."""
    return Kernel(function, {"forceinline": True})


class Entry:
    """A function compiled to a C entry point whose address other compiled code calls.

    Compiled, or loaded from the cache, when `address` is first read; importing its module costs nothing.
    """

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.signature = signature

    def __call__(self, *arguments: int) -> int:
        return int(self.compiled.ctypes(*arguments))

    @functools.cached_property
    def compiled(self) -> Any:
        """The numba C callback."""
        _enter_cache(self.function.__module__)
        callback = Callback(self.function, self.signature, {"nopython": True, "error_model": "numpy"})
        callback.compile()
        return callback

    @property
    def address(self) -> int:
        """The machine address of the entry point."""
        return int(self.compiled.address)


def step(function: Callable[..., Any]) -> Entry:
    """Compile a stage's step: five int64 in, a code out, never an exception (see STEP_SIGNATURE)."""
    return Entry(function, STEP_SIGNATURE)


def prune_cache(*, days: int = CACHE_DAYS_MAX) -> int:
    """Remove cache folders that nothing has used for `days`; return how many went."""
    removed = 0
    oldest = time.time() - days * 86_400
    root = cache_root()
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.is_dir() and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def sources_hash(module: str) -> str:
    """Hash of a module's source and of every module of this project that it reaches by imports."""
    digest = hashlib.blake2b(digest_size=10)
    for name in sorted(_reached(module)):
        digest.update(name.encode() + b"\0" + _source(name) + b"\0")
    return digest.hexdigest()


def _reached(module: str) -> set[str]:
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting.extend(_imports(name))
    return reached


def _enter_cache(module: str, kind: str = "entry") -> None:
    """Point numba's cache at this module's folder; the locator reads it when a function is decorated."""
    folder = cache_root() / _hash_of(module) / kind
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.utime(folder.parent)  # what `prune_cache` goes by
    numba.config.CACHE_DIR = str(folder)


@functools.cache
def _hash_of(module: str) -> str:
    return sources_hash(module)


@functools.cache
def _path(module: str) -> Path | None:
    origin = getattr(sys.modules.get(module), "__file__", None)
    if origin is not None:
        return Path(origin) if origin.endswith(".py") else None
    # Looking by hand takes a tenth of what importlib takes, of every start.
    package, _, name = module.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", [os.path.join(_ROOT, *package.split("."))])
    files = (f"{folder}/{name}{end}" for folder in folders for end in (".py", "/__init__.py"))
    return next((Path(file) for file in files if os.path.isfile(file)), None)


@functools.cache
def _source(module: str) -> bytes:
    path = _path(module)
    return path.read_bytes() if path else b""


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules of this project that `module` imports; `from a import b` counts `a` and, if a module, `a.b`."""
    names: list[str] = []
    for origin, members, plain in _IMPORT.findall(_source(module).decode(errors="replace")):
        name = origin or plain
        if name.split(".")[0] not in PACKAGES:
            continue
        names.append(name)
        names.extend(
            candidate
            for member in re.findall(r"\w+", re.sub(r"#[^\n]*", "", members))
            if _path(candidate := f"{name}.{member}")
        )
    return tuple(names)
