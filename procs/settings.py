"""Reads a run's configuration: profile < file < flags, merged, checked, and told apart in errors.

    profile    procs/profiles/NAME.toml, shipped with the package; a file's own `profile = "NAME"` picks it,
               `profile = ""` starts from nothing; a profile may itself begin from another
    file       the operator's TOML
    flags      of the command line

All problems are collected before anything is refused, each with its key, what was found, what is allowed and
where it stands. A risk limit has no silent default: it must stand in the profile or in the file.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from procs.config import RUN_OWNED, RunConfig, not_finite
from procs.errors import OperatorError

PROFILES = Path(__file__).resolve().parent / "profiles"
COMMAND_LINE = "on the command line"

Tree = dict[str, Any]


def load_config(
    file: str | Path | None = None, flags: Mapping[str, Any] | None = None, *, profile: str = "paper"
) -> RunConfig:
    """The checked configuration of a run. `flags` is a tree like the file's. Raises OperatorError."""
    layers = [(COMMAND_LINE, dict(flags or {}))]
    if file is not None:
        tree = read_toml(Path(file))
        profile = _profile_of(tree, str(file), profile)
        layers.insert(0, (f"in {file}", tree))
    while profile:
        tree = read_toml(_profile_path(profile))
        layers.insert(0, (f"profile {profile}", tree))
        profile = _profile_of(tree, profile, "")
    merged: Tree = {}
    origins: dict[str, str] = {}
    for origin, tree in layers:
        _merge(merged, tree)
        origins.update(dict.fromkeys(_keys(tree), origin))
    return _checked(merged, origins)


def profiles() -> list[str]:
    """Names of the profiles that the package ships."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def read_toml(path: Path) -> Tree:
    """A TOML file as a tree. Raises OperatorError for what cannot be read."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise OperatorError(f"{path}: found nothing to read ({error.strerror}), allowed a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: found no valid TOML: {error}") from None


def _profile_of(tree: Tree, file: str, default: str) -> str:
    profile = tree.pop("profile", default)
    if not isinstance(profile, str):
        raise OperatorError(f"profile: found {profile!r}, allowed {', '.join(profiles())} (in {file})")
    return profile


def _profile_path(name: str) -> Path:
    if name not in profiles():
        raise OperatorError(f"profile: found '{name}', allowed {', '.join(profiles())}")
    return PROFILES / f"{name}.toml"


def _merge(into: Tree, tree: Tree) -> None:
    for key, value in tree.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def _keys(tree: Tree, path: str = "") -> Iterator[str]:
    """Dotted keys of every value in a tree."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{path}{key}.")
        yield f"{path}{key}"


def _checked(merged: Tree, origins: dict[str, str]) -> RunConfig:
    found = [*_unknown_keys(merged, RunConfig), *_values_not_finite(merged)] or [*_missing_limits(merged)]
    if not found:
        try:
            config = msgspec.convert(merged, RunConfig, strict=True)
        except msgspec.ValidationError as error:
            found = [_translated(error, merged)]
        else:
            found = config.problems()
            if not found:
                return config
    raise OperatorError(*[_with_origin(problem, origins) for problem in found])


def _unknown_keys(tree: Tree, struct: Any, path: str = "") -> Iterator[str]:
    """Keys that no field has, with the nearest that exists: a slip of the unit is a slip of the name."""
    types = {field.name: field.type for field in msgspec.structs.fields(struct)}
    allowed = [name for name in types if path or name not in RUN_OWNED]
    for key, value in tree.items():
        section = types.get(key)
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.6)
            hint = f"'{near[0]}'?" if near else ", ".join(allowed)
            yield f"{path}{key}: found an unknown key, allowed: {hint}"
        elif isinstance(section, type) and issubclass(section, msgspec.Struct):
            if isinstance(value, dict):
                yield from _unknown_keys(value, section, f"{path}{key}.")
            else:
                yield f"{path}{key}: found {value!r}, allowed a section [{path}{key}]"


def _values_not_finite(tree: Tree, path: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _values_not_finite(value, f"{path}{key}.")
        elif not_finite(value):
            yield f"{path}{key}: found {value}, allowed a finite number"


def _missing_limits(tree: Tree) -> Iterator[str]:
    """Limits of [risk] that stand nowhere: a default that nobody chose would be no limit."""
    fields = {field.name: field.type for field in msgspec.structs.fields(RunConfig)}
    given = tree.get("risk", {})
    for field in msgspec.structs.fields(fields["risk"]):
        if field.type is int and field.name not in given:
            yield f"risk.{field.name}: missing, allowed a limit in [risk] or a profile that has one"


def _translated(error: msgspec.ValidationError, tree: Tree) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.risk.x`" with the key first and the value that was found."""
    text, _, place = str(error).partition(" - at ")
    key = place.strip("`").removeprefix("$").removeprefix(".").replace("[...]", "")
    value: Any = tree
    hint: Any = RunConfig
    for part in re.sub(r"\[\d+\]", "", key).split("."):
        value = value.get(part) if isinstance(value, dict) else value
        hint = get_type_hints(hint).get(part) if hasattr(hint, "__struct_fields__") else hint
    if text.startswith("Invalid enum value"):
        allowed = ", ".join(map(str, get_args(hint)))
    else:
        allowed = text.removeprefix("Expected ").partition(", got")[0].replace("`", "")
    return f"{key}: found {value!r}, allowed {allowed}"


def _with_origin(problem: str, origins: Mapping[str, str]) -> str:
    key = problem.partition(":")[0]
    origin = origins.get(key)
    return f"{problem} ({origin})" if origin and not origin.startswith("profile") else problem
