"""Loads a strategy: a user's FILE.py or the built-in one; checks its door before anything starts, compiles it.

    STATE    structured numpy dtype, one record per symbol, zero at the start
    CONFIG   optional dict: first values of scalar fields of STATE; [strategy] parameters win over it
    quote    quote(state, book, belief, position, out), marked with @quote_entry (see trader.strategy.door)

The compiled `quote` is a C entry point: five record addresses in, nothing out. Its address differs from
process to process, so each process loads the file itself; the machine code comes from the cache.
"""

import ast
import functools
import hashlib
import importlib.util
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from numba import from_dtype, types
from numba.core.errors import NumbaError

from procs.errors import OperatorError
from shm.codec import record_dtype
from shm.kernel import Entry
from trader.messages import BookTop, VolatilityEstimate
from trader.strategy import POSITION, QUOTES, StrategyConfig, quoting
from trader.strategy.door import ARGUMENTS, SEEN, SignatureError, signature_problem

BOOK = record_dtype(BookTop)
ESTIMATE = record_dtype(VolatilityEstimate)
BELIEF = np.dtype([(name, part[name]) for part in (ESTIMATE, SEEN) for name in part.names or ()], align=True)
"""What is believed of a symbol: the fields of its VolatilityEstimate, then those of SEEN."""

FILE_BYTES_MAX = 1024
"""Longest path of a strategy file."""

STATE_BYTES_MAX = 1 << 18
"""Room for the strategy's states of all symbols together."""

ALIGNMENT_BYTES = 8


class StrategyError(OperatorError):
    """A strategy that cannot be used; the message names the file, what was found and what is allowed."""


@dataclass(frozen=True)
class LoadedStrategy:
    """A strategy ready to be called."""

    name: str
    state_dtype: np.dtype
    values: dict[str, float]
    entry: Entry
    module: ModuleType
    source_hash: int
    """Of the file's text, positive; 0 for the built-in strategy, which is part of the program."""

    @property
    def entry_address(self) -> int:
        """Address of the compiled `quote`; the record addresses it takes are in the order of ARGUMENTS."""
        return self.entry.address

    @property
    def state_stride_bytes(self) -> int:
        """Distance between two symbols' states."""
        return -(-self.state_dtype.itemsize // ALIGNMENT_BYTES) * ALIGNMENT_BYTES

    def new_states(self, symbol_count: int, parameters: dict[str, float]) -> np.ndarray:
        """First states as bytes, `state_stride_bytes` a symbol. Raises StrategyError as `problems` would say."""
        found = self.problems(symbol_count, parameters)
        if found:
            raise StrategyError(found[0])
        states = np.zeros(symbol_count * self.state_stride_bytes, dtype=np.uint8)
        for index in range(symbol_count):
            start = index * self.state_stride_bytes
            record = states[start : start + self.state_dtype.itemsize].view(self.state_dtype)
            for name, value in {**self.values, **parameters}.items():
                record[name] = value
        return states

    def problems(self, symbol_count: int, parameters: dict[str, float]) -> list[str]:
        """What keeps this strategy from running on so many symbols with these parameters."""
        found = _value_problems(self.name, "strategy.parameters", self.state_dtype, parameters)
        room = STATE_BYTES_MAX // self.state_stride_bytes
        if symbol_count > room:
            found.append(
                f"{self.name}: STATE: found {self.state_dtype.itemsize} bytes for each of {symbol_count} symbols, "
                f"allowed {STATE_BYTES_MAX} bytes in all"
            )
        return found


def load_configured(config: StrategyConfig) -> LoadedStrategy:
    """The strategy that [strategy] names. Raises StrategyError."""
    if config.file:
        return load_strategy(config.file)
    entry = _entry(quoting.quote.py_func, quoting.STATE)
    return LoadedStrategy("built in", quoting.STATE, quoting.parameters(config), entry, quoting, 0)


def install(own: Any, settings: StrategyConfig, symbols: int) -> None:
    """Put the configured strategy into a strategy stage's state: fresh states of its own, its entry, its file's name.

    Raises OperatorError for a strategy that cannot be used, or a path that is too long.
    """
    loaded = load_configured(settings)
    states = loaded.new_states(symbols, settings.parameters)
    own["states"]["words"].view(np.uint8)[: len(states)] = states
    own["stride_bytes"] = loaded.state_stride_bytes
    own["source_hash"] = loaded.source_hash
    own["quote_entry"] = loaded.entry_address
    file = str(Path(settings.file).resolve()).encode() if settings.file else b""
    if len(file) >= FILE_BYTES_MAX:
        raise OperatorError(f"strategy.file: found a path of {len(file)} bytes, allowed {FILE_BYTES_MAX - 1}")
    own["file"][: len(file)] = np.frombuffer(file, np.uint8)


def install_again(own: Any) -> None:
    """Write this process's entry of the strategy into a state that was installed elsewhere.

    Raises OperatorError when its file is gone or is no longer what it was.
    """
    file = bytes(own["file"]).rstrip(b"\0").decode()
    loaded = load_configured(StrategyConfig(file=file))
    if loaded.source_hash != own["source_hash"]:
        raise OperatorError(f"{file}: found a file that was changed since the run, allowed the one that ran")
    own["quote_entry"] = loaded.entry_address


def load_strategy(path: str | Path) -> LoadedStrategy:
    """Load, check and compile a strategy file. Raises StrategyError."""
    path = Path(path)
    if path.suffix != ".py" or not path.is_file():
        raise StrategyError(f"{path}: found no such file, allowed a Python file (trader init DIR writes one)")
    content_hash = hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest()
    module = _import(path.resolve(), content_hash, str(path))
    state_dtype = _state_dtype(module, path)
    values = getattr(module, "CONFIG", {})
    problems = _value_problems(str(path), "CONFIG", state_dtype, values)
    if problems:
        raise StrategyError(problems[0])
    quote = getattr(module, "quote", None)
    if quote is None:
        raise StrategyError(f"{path}: found no quote, allowed a function quote({', '.join(ARGUMENTS)})")
    function = getattr(quote, "py_func", quote)
    if not callable(function) or not hasattr(function, "__code__"):
        raise StrategyError(f"{path}: quote: found {type(quote).__name__}, allowed a function")
    problem = signature_problem(function)
    if problem:
        raise StrategyError(f"{path}: quote: {problem}")
    entry = _entry(function, state_dtype)
    _compile(entry, state_dtype, path)
    return LoadedStrategy(str(path), state_dtype, dict(values), entry, module, 1 + int(content_hash, 16))


class _SourceAlone(SourceFileLoader):
    """Compiles the text each time: a cache of bytecode knows a file by its length and the second of its last edit."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is now."""
        return self.source_to_code(self.get_data(self.path), self.path)


@functools.cache
def _import(path: Path, content_hash: str, shown: str) -> ModuleType:
    """Run a strategy file as a module of its own name; `content_hash` makes an edited file a new module."""
    name = f"strategy_file_{path.stem}_{content_hash}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_SourceAlone(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SignatureError as error:
        raise StrategyError(f"{shown}: quote: {error}") from None
    except Exception as error:
        raise StrategyError(f"{shown}: {_line_of(error, path)}{type(error).__name__}: {error}") from error
    return module


def _line_of(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: "
    lines = []
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return f"line {lines[-1]}: " if lines else ""


def _state_dtype(module: ModuleType, path: Path) -> np.dtype:
    found = getattr(module, "STATE", None)
    if not isinstance(found, np.dtype) or found.names is None:
        what = "none" if found is None else f"{type(found).__name__} {found!r}"
        allowed = "a structured numpy dtype: np.dtype([(name, type), ...])"
        raise StrategyError(f"{path}: STATE: found {what}, allowed {allowed}")
    if found.hasobject:
        raise StrategyError(f"{path}: STATE: found Python objects in it, allowed numbers and fixed arrays of them")
    if found.itemsize > STATE_BYTES_MAX:
        raise StrategyError(f"{path}: STATE: found {found.itemsize} bytes, allowed {STATE_BYTES_MAX}")
    if found.alignment > ALIGNMENT_BYTES:
        raise StrategyError(f"{path}: STATE: found an alignment of {found.alignment}, allowed {ALIGNMENT_BYTES}")
    return found


def _value_problems(name: str, where: str, state_dtype: np.dtype, values: Any) -> list[str]:
    """Values for fields that STATE does not have, that are no scalars, or that are no numbers."""
    if not isinstance(values, dict):
        return [f"{name}: {where}: found {type(values).__name__}, allowed a dict of STATE's fields to numbers"]
    names = state_dtype.names or ()
    scalars = [field for field in names if state_dtype[field].shape == () and state_dtype[field].names is None]
    found = []
    for field, value in values.items():
        if field not in scalars:
            found.append(f"{name}: {where}: found '{field}', allowed a scalar field of STATE: {', '.join(scalars)}")
        elif not isinstance(value, int | float) or not math.isfinite(value):
            found.append(f"{name}: {where}.{field}: found {value!r}, allowed a finite number")
    return found


def _argument_dtypes(state_dtype: np.dtype) -> tuple[np.dtype, ...]:
    return state_dtype, BOOK, BELIEF, POSITION, QUOTES


@functools.cache
def _entry(function: Callable[..., Any], state_dtype: np.dtype) -> Entry:
    """The C entry point of a `quote`: a Record argument is its address. Kept: compiled code calls that address."""
    signature = types.void(*[from_dtype(dtype) for dtype in _argument_dtypes(state_dtype)])
    return Entry(function, signature)


def _compile(entry: Entry, state_dtype: np.dtype, path: Path) -> None:
    problem = _field_problem(path, state_dtype)
    if problem:
        raise StrategyError(f"{path}: quote: {problem}")
    try:
        _ = entry.address
    except NumbaError as error:
        raise StrategyError(f"{path}: quote does not compile: {_in_short(str(error), state_dtype)}") from None
    except KeyError as error:
        # numba looks a record's field up in a dict: a field of a nested record that is not there
        raise StrategyError(f"{path}: quote does not compile: found no field {error} in a record") from None


def _field_problem(path: Path, state_dtype: np.dtype) -> str:
    """The first field that `quote` asks of an argument and that the argument does not have; empty if none."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name != "quote":
            continue
        named = dict(zip(ARGUMENTS, _argument_dtypes(state_dtype), strict=True))
        for node in ast.walk(function):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            dtype = named.get(node.value.id)
            if dtype is not None and node.attr not in (dtype.names or ()):
                allowed = ", ".join(dtype.names or ())
                return f"line {node.lineno}: argument '{node.value.id}' has no field '{node.attr}', allowed {allowed}"
    return ""


def _in_short(message: str, state_dtype: np.dtype) -> str:
    """What numba says, without the layouts of the records: the line, then the first sentences."""
    line = re.search(r'File "[^"]*", line (\d+)', message)
    for argument, dtype in zip(ARGUMENTS, _argument_dtypes(state_dtype), strict=True):
        message = message.replace(str(from_dtype(dtype)), f"<{argument}>")
    sentences = [text.strip() for text in message.split("def quote(")[0].splitlines()]
    said = [text for text in sentences if text and not text.startswith(("Failed in", "During:", "File ", "@"))]
    return (f"line {line[1]}: " if line else "") + " ".join(said[:3])
