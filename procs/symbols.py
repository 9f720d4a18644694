"""Names of machine addresses: compiled kernels by the objects that they were loaded from, libraries by their files.

    object (ELF)   section .text, symbols: name, offset in it, length
    in memory      address of one exported symbol, told by the engine, minus its offset: where .text was put

Cold, and for looking at a process only: nothing here is needed to run it.
"""

import bisect
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from numba.core.codegen import CodeLibrary

from shm.kernel import PACKAGES, Entry, Kernel

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SYMBOL_TABLE, _FUNCTION = 2, 2


class Symbol(NamedTuple):
    """A function in memory."""

    address: int
    length: int
    name: str


class Symbols:
    """What stands where in this process."""

    def __init__(self, symbols: list[Symbol], libraries: list[Symbol]) -> None:
        self._functions, self._libraries = sorted(symbols), sorted(libraries)

    def name_of(self, address: int) -> str:
        """The function at an address, else the library, else "elsewhere"."""
        for table in (self._functions, self._libraries):
            index = bisect.bisect_right(table, (address, sys.maxsize, "")) - 1
            if index >= 0 and address < table[index].address + table[index].length:
                return table[index].name
        return "elsewhere"


def keep_objects() -> None:
    """From now on keep the object of every kernel that comes from the cache: numba drops it once it is loaded."""
    drop_after_loading = CodeLibrary._set_compiled_object

    def keep(library: Any, value: bytes) -> None:
        library.object_kept = value
        drop_after_loading(library, value)

    CodeLibrary._set_compiled_object = keep


def symbols_here() -> Symbols:
    """Of the process that asks: every kernel loaded since `keep_objects`, every file that it has mapped as code."""
    functions = [symbol for library in _loaded() for symbol in _functions_of(library)]
    return Symbols(functions, list(_mapped_files(Path("/proc/self/maps").read_text())))


def _loaded() -> Iterator[Any]:
    """Numba's code libraries of every entry point and kernel that has been called from Python."""
    seen: set[int] = set()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] not in PACKAGES:
            continue
        for value in list(vars(module).values()):
            libraries = []
            if isinstance(value, Entry) and "compiled" in vars(value):
                libraries = [value.compiled._library]
            elif isinstance(value, Kernel) and "python_twin" in vars(value):
                libraries = [result.library for result in value.python_twin.overloads.values()]
            for library in libraries:
                if id(library) not in seen:
                    seen.add(id(library))
                    yield library


def _functions_of(library: Any) -> Iterator[Symbol]:
    """The functions of one library, where the engine has put them."""
    found = list(elf_functions(getattr(library, "object_kept", None) or library._compiled_object or b""))
    engine = library.codegen._engine
    base = next((at - offset for name, offset, _ in found if (at := engine.get_function_address(name))), None)
    if base is not None:
        for name, offset, length in found:
            yield Symbol(base + offset, length, readable_name(name))


def elf_functions(data: bytes) -> Iterator[tuple[str, int, int]]:
    """(name, offset in its section, length) of every function of a 64-bit little-endian ELF object."""
    if data[:6] != b"\x7fELF\x02\x01":
        return
    (sections_at,) = struct.unpack_from("<Q", data, 40)
    count = struct.unpack_from("<H", data, 60)[0]
    sections = [_SECTION.unpack_from(data, sections_at + index * _SECTION.size) for index in range(count)]
    for _, kind, _, _, at, size, names, *_ in sections:
        if kind != _SYMBOL_TABLE:
            continue
        names_at = sections[names][4]
        for symbol_at in range(at, at + size, _SYMBOL.size):
            name, info, _, section, offset, length = _SYMBOL.unpack_from(data, symbol_at)
            if info & 15 == _FUNCTION and section:
                end = data.index(b"\0", names_at + name)
                yield data[names_at + name : end].decode(errors="replace"), offset, length


def readable_name(mangled: str) -> str:
    """`_ZN6trader4book6ladder5applyB3v12B...` is "trader.book.ladder.apply"; what is not mangled stays as it is."""
    at = mangled.find("_ZN")
    if at < 0:
        return mangled
    parts, at = [], at + 3
    while (found := re.match(r"\d+", mangled[at:])) is not None:
        length = int(found[0])
        at += len(found[0])
        parts.append(mangled[at : at + length])
        at += length
    return ".".join(parts) or mangled


def _mapped_files(maps: str) -> Iterator[Symbol]:
    """Executable ranges of /proc/self/maps, named by file."""
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and "x" in fields[1]:
            start, end = (int(text, 16) for text in fields[0].split("-"))
            yield Symbol(start, end - start, Path(fields[5]).name)
