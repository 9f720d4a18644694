"""The tidiness rules of the house, as functions over a source tree: each returns its violations, one line each."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("shm", "trader", "procs", "bench", "tests", "scripts")
TOP_LEVEL = {"pyproject.toml", "Makefile", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", *FOLDERS}

FILE_LINES_MAX = 300
FUNCTION_STATEMENTS_MAX = 50
DOCSTRING_CHARACTERS_MIN = 20
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}

COMPILED = {"kernel", "inlined", "vector", "lane", "finite_lane", "finite_vector", "step", "compiled_step"} | {
    "intrinsic",
    "quote_entry",
    "njit",
    "overload",
}
"""Decorators whose functions are typed by numba."""

# Written in two halves, so that this file does not hold them itself.
UNFINISHED = re.compile("|".join((r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bX" + r"XX\b", r"\bHA" + r"CK\b")))
MACHINE_PATHS = re.compile("|".join((r"/ro" + r"ot\b", r"/ho" + r"me/\w", r"/wo" + r"rk/\w", r"/Us" + r"ers/\w")))


def python_files(root: Path) -> Iterator[Path]:
    """Every source file of the house."""
    for folder in FOLDERS:
        yield from sorted(path for path in (root / folder).rglob("*.py") if "__pycache__" not in path.parts)


def shown(path: Path, root: Path) -> str:
    """A path as it is read in a message."""
    return path.relative_to(root).as_posix()


def length_problems(root: Path) -> list[str]:
    """Files that are longer than one sitting."""
    return [
        f"{shown(path, root)}: {count} lines, allowed {FILE_LINES_MAX}"
        for path in python_files(root)
        if (count := len(path.read_text().splitlines())) > FILE_LINES_MAX
    ]


def statement_problems(root: Path) -> list[str]:
    """Functions of too many statements; docstrings, comments and diagrams do not count."""
    return [
        f"{shown(path, root)}:{node.lineno}: {node.name} has {count} statements, allowed {FUNCTION_STATEMENTS_MAX}"
        for path in python_files(root)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := _statements(node)) > FUNCTION_STATEMENTS_MAX
    ]


def _statements(function: ast.AST) -> int:
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function]
    return len(nodes) - sum(_is_docstring(node) for node in nodes)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def name_problems(root: Path) -> list[str]:
    """Files and folders whose names say nothing of what they own."""
    found = []
    for path in python_files(root):
        for part in path.relative_to(root).with_suffix("").parts:
            if BANNED_NAMES & set(re.split(r"[_\-.]", part.lower())):
                found.append(f"{shown(path, root)}: named '{part}'; name the noun that it owns")
    return found


def docstring_problems(root: Path) -> list[str]:
    """Files whose first line does not say what they own."""
    found = []
    for path in python_files(root):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        first = docstring.partition("\n")[0].strip()
        if len(first) < DOCSTRING_CHARACTERS_MIN:
            found.append(f"{shown(path, root)}: begins with '{first}', allowed a docstring that says what it owns")
    return found


def annotation_problems(root: Path) -> list[str]:
    """Python functions of the packages with an unannotated parameter or result; compiled ones are numba's."""
    found = []
    for path in (path for path in python_files(root) if path.relative_to(root).parts[0] in ("shm", "trader", "procs")):
        for node in _outer_functions(ast.parse(path.read_text())):
            if _decorators(node) & COMPILED:
                continue
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [each.arg for each in parameters if each.annotation is None and each.arg not in ("self", "cls")]
            if bare or (node.returns is None and node.name != "__init__"):
                what = ", ".join(bare) or "its result"
                found.append(f"{shown(path, root)}:{node.lineno}: {node.name} does not say the type of {what}")
    return found


def _outer_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions and methods, without the ones that stand inside functions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node
            elif not isinstance(node, ast.Lambda):
                waiting.append(node)


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    names = set()
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def package_file_problems(root: Path) -> list[str]:
    """An __init__.py under tests/ would make tests/trader shadow trader."""
    found = (root / "tests").rglob("__init__.py")
    return [f"{shown(path, root)}: tests are no package; delete it" for path in sorted(found)]


def text_problems(root: Path) -> list[str]:
    """Marks of unfinished work, and paths that exist on one machine only."""
    return [
        f"{shown(path, root)}:{number}: {what}: {line.strip()[:60]}"
        for path in python_files(root)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for what, pattern in (("unfinished", UNFINISHED), ("a path of one machine", MACHINE_PATHS))
        if pattern.search(line)
    ]


def top_level_problems(names: list[str]) -> list[str]:
    """Entries of the repository's root that have no room in the house (`names`: what is committed there)."""
    return [f"{name}: not a room of the house" for name in names if name not in TOP_LEVEL and not name.startswith(".")]


def code_comment_problems(root: Path) -> list[str]:
    """Comments that are code: what is not needed is deleted, the history keeps it."""
    found = []
    for path in python_files(root):
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            text = token.string.lstrip("# ")
            if token.type == tokenize.COMMENT and re.match(
                r"(def|class|return|import|from \S+ import) ?\S*.*[:)]$", text
            ):
                found.append(f"{shown(path, root)}:{token.start[0]}: code in a comment: {text[:60]}")
    return found
