"""The import rules of the house, as functions over a source tree: each returns its violations, one line each."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("shm", "trader", "procs", "tests", "bench", "scripts")

# fmt: off
MAY_IMPORT = {
    "shm":     {"shm"},
    "trader":  {"trader", "shm"},
    "procs":   {"procs", "trader", "shm"},
    "bench":   set(PACKAGES),
    "tests":   set(PACKAGES),
    "scripts": set(PACKAGES),
}
# fmt: on

TRADER_FROM_SHM = "shm.kernel"
TRADER_NEVER = {"time", "socket", "os", "multiprocessing", "asyncio", "random", "threading", "subprocess", "datetime"}
"""Clocks, files, sockets, processes and hidden randomness: they arrive in trader as arguments."""

EXCHANGE_MAY = (
    "trader.exchange",
    "trader.messages",
    "trader.enums",
    "trader.decoded",
    "trader.instrument",
    "trader.compile_hints",
    "shm.kernel",
)
"""The simulated exchange checks the rest, so it shares nothing with it but messages, units and the compiler."""


def imports(path: Path, package: str = "") -> Iterator[tuple[int, str]]:
    """(line, module) of every import in a file, lazy ones too; `from a import b` gives `a` and `a.b`.

    `package`: the dotted package that the file stands in, for relative imports.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def sources(root: Path, folder: str) -> Iterator[tuple[str, Path, str]]:
    """(shown path, path, dotted package) of every source file in a top-level folder."""
    for path in sorted((root / folder).rglob("*.py")):
        relative = path.relative_to(root)
        yield relative.as_posix(), path, ".".join(relative.parent.parts)


def inside(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of `packages` or stands in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def direction_problems(root: Path) -> list[str]:
    """Imports against the direction shm <- trader <- procs, or of tests, bench or scripts."""
    return [
        f"{shown}:{line}: {folder} imports {module}, allowed {', '.join(sorted(allowed))}"
        for folder, allowed in MAY_IMPORT.items()
        for shown, path, package in sources(root, folder)
        for line, module in imports(path, package)
        if (top := module.split(".")[0]) in PACKAGES and top not in allowed
    ]


def purity_problems(root: Path) -> list[str]:
    """What trader imports of the outside world, or of shm beyond the compile policy."""
    found = []
    for shown, path, package in sources(root, "trader"):
        for line, module in imports(path, package):
            if module.split(".")[0] in TRADER_NEVER:
                found.append(f"{shown}:{line}: trader imports {module}; let the caller pass what it gives")
            if module.split(".")[0] == "shm" and not inside(module, (TRADER_FROM_SHM,)) and module != "shm":
                found.append(f"{shown}:{line}: trader imports {module}, allowed {TRADER_FROM_SHM}")
    return found


def stage_problems(root: Path) -> list[str]:
    """Stages that import one another: they meet in messages only."""
    return [
        f"{shown}:{line}: a stage imports {module}; stages meet in messages only"
        for shown, path, package in sources(root, "procs/stages")
        for line, module in imports(path, package)
        if inside(module, ("procs.stages",)) and not inside(module, (_own_module(shown),)) and module != "procs.stages"
    ]


def exchange_problems(root: Path) -> list[str]:
    """What the simulated exchange shares with the code that it checks."""
    found = []
    for shown, path, package in sources(root, "trader/exchange"):
        for line, module in imports(path, package):
            ours = module.split(".")[0] in PACKAGES and module not in ("shm", "trader")
            if ours and not inside(module, EXCHANGE_MAY):
                found.append(f"{shown}:{line}: the exchange imports {module}, allowed {', '.join(EXCHANGE_MAY)}")
    return found


def missing_problems(root: Path) -> list[str]:
    """Imports of what is not there, also where no quick test goes: the type checker lets unknown modules pass."""
    return [
        f"{shown}:{line}: imports {module}, which does not exist"
        for folder in PACKAGES
        for shown, path, package in sources(root, folder)
        for line, module in imports(path, package)
        if module.split(".")[0] in PACKAGES and not _exists(root, module)
    ]


def _exists(root: Path, module: str) -> bool:
    """Whether a dotted name is a file, a folder, or a name that its parent defines."""
    path = root.joinpath(*module.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    parent = path.parent.with_suffix(".py") if path.parent.with_suffix(".py").is_file() else path.parent / "__init__.py"
    return parent.is_file() and path.name in _names(parent, parent.stat().st_mtime_ns)


@functools.cache
def _names(path: Path, _changed_ns: int) -> set[str]:
    """Every name that a file binds, wherever."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.alias():
                names.add(node.asname or node.name)
    return names


def _own_module(shown: str) -> str:
    """procs/stages/book.py, and a folder procs/stages/book/, are procs.stages.book."""
    return ".".join(["procs", "stages", Path(shown).parts[2].removesuffix(".py")])
