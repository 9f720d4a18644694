"""How a kernel is compiled: lowered as a part of what other compiled code calls, optimised where it is entered.

A stage's step is some two hundred kernels that end up in one another. Numba would optimise, generate machine
code for, wrap for Python and cache each of them; all but the outermost are never called that way. A part goes
into its caller as LLVM lowered it, and LLVM optimises the whole once, where it is entered. It compiles a stage in
about two thirds of the time.

    kernel, kernel, kernel    Part          numba's code, neither optimised nor given to the execution engine
         `-----+-----'
        step, twin            Entry, Twin   all of them, closed: nothing but the entry can be called from outside

What is entered is cached as machine code alone: nothing is ever linked with it again, so it is loaded without LLVM's
own form of it, and without all that numba knows of types, which takes a program's start a quarter of a second.

That nobody else calls a part is said to LLVM, which then leaves out what no caller needs: status codes that are always
0, exceptions that nobody raises. So is that what comes back from a call need not be zeroed before it.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, compiler
from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc, _CFuncCompiler  # type: ignore[attr-defined]
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.runtime import rtsys

_INTERNAL = "internal"


def _part_library(context: Any, name: str) -> Any:
    """A code library that is linked into others and never run by itself.

    Its optimisation is left to where it is linked in, and its module is not given to the execution engine, which
    would generate machine code for it.
    """
    library = context.codegen().create_library(name)

    def finish() -> None:
        library._finalize_dynamic_globals()
        library._finalized = True

    library._optimize_final_module = _nothing
    library._finalize_final_module = finish
    return library


def _nothing() -> None:
    return


def _closed_library(context: Any, name: str) -> Any:
    """A code library whose parts are its own: only what was compiled for it itself can be called from outside."""
    library = context.codegen().create_library(name)
    library.enable_object_caching()
    library.serialize_using_object_code = lambda: (library.name, "object", _machine_code(library))
    optimise = library._optimize_final_module

    def close_and_optimise() -> None:
        for function in library._final_module.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.linkonce_odr:
                function.linkage = _INTERNAL
        optimise()

    library._optimize_final_module = close_and_optimise
    return library


def _machine_code(library: Any) -> tuple[bytes, bytes]:
    """What the cache keeps: the object, and a module that defines the names in it, because numba looks there."""
    module = ir.Module()
    for function in library.get_defined_functions():
        if function.linkage == llvm.Linkage.external:
            named = ir.Function(module, ir.FunctionType(ir.VoidType(), []), function.name)
            ir.IRBuilder(named.append_basic_block()).ret_void()
    return library._get_compiled_object(), llvm.parse_assembly(str(module)).as_bitcode()


def _entry_library(context: Any, name: str) -> Any:
    """A closed library with one way in, by the C calling convention: the function itself becomes a part of that."""
    library = _closed_library(context, name)
    close_and_optimise = library._optimize_final_module

    def close_and_optimise_all() -> None:
        for function in library._final_module.functions:
            if not function.is_declaration and not function.name.startswith(_C_PREFIX):
                function.linkage = _INTERNAL
        close_and_optimise()

    library._optimize_final_module = close_and_optimise_all
    return library


_C_PREFIX = "cfunc."
"""How numba begins the names of functions with the C calling convention."""


@contextmanager
def _without_zeroing() -> Iterator[None]:
    """Numbers and addresses on the stack are not zeroed where a function begins, as numba does with all variables.

    Reference counts need it, and they keep it; LLVM cannot tell that a call will write what it returns.
    """
    zeroing = cgutils.alloca_once

    def alloca_once(builder: Any, ty: Any, size: Any = None, name: str = "", zfill: bool = False) -> Any:
        if zfill or size is not None or not _is_plain(ty):
            return zeroing(builder, ty, size, name, zfill)
        with builder.goto_entry_block():
            return builder.alloca(ty, name=name)

    cgutils.alloca_once = alloca_once
    try:
        yield
    finally:
        cgutils.alloca_once = zeroing


def _is_plain(ty: Any) -> bool:
    """Whether a value holds nothing that is counted: i8* is what numba has for the memory of arrays."""
    if isinstance(ty, ir.PointerType):
        return not isinstance(ty.pointee, ir.IntType)
    if isinstance(ty, ir.LiteralStructType):
        return all(_is_plain(element) for element in ty.elements)
    return isinstance(ty, (ir.IntType, ir.FloatType, ir.DoubleType))


class _LibraryCompiler(_FunctionCompiler):
    """Compiles a function to the kind of library that `library` makes."""

    library = staticmethod(_closed_library)

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        flags = compiler.Flags()
        self.targetdescr.options.parse_as_flags(flags, self.targetoptions)
        context = self.targetdescr.target_context
        with _without_zeroing():
            result = compiler.compile_extra(
                self.targetdescr.typing_context,
                context,
                self._get_implementation(args, {}),
                args=args,
                return_type=return_type,
                flags=self._customize_flags(flags),
                locals=self.locals,
                library=self.library(context, self.py_func.__qualname__),
                pipeline_class=self.pipeline_class,
            )
        if result.typing_error is not None:
            raise result.typing_error
        return result


class _PartCompiler(_LibraryCompiler):
    """Compiles a function to a library that may only be linked into others."""

    library = staticmethod(_part_library)

    def _customize_flags(self, flags: Any) -> Any:
        flags.no_compile = True
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        return flags

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        result = super()._compile_core(args, return_type)
        # The entry point is only a key here: callers find the function by it.
        result = result._replace(entry_point=object())
        context = self.targetdescr.target_context
        context.insert_user_function(result.entry_point, result.fndesc, [result.library])
        return result


class _Cache(FunctionCache):
    """Numba's, which imports all that only compiling needs before it looks for anything."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What is kept for a signature, or None."""
        importlib.import_module("numba.cpython.hashing")  # with it and the next, all that cached code may call
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class Part(CPUDispatcher):
    """A dispatcher whose functions only other compiled code calls."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        super().__init__(py_func=function, targetoptions=options)
        self._compiler = _PartCompiler(function, self.targetdescr, options, {}, compiler.Compiler)

    def add_overload(self, result: Any) -> None:
        """Remember a compiled signature; there is no entry point for Python to jump to."""
        self.overloads[tuple(result.signature.args)] = result


class Twin(CPUDispatcher):
    """A dispatcher that Python calls; compiled code calls the Part instead."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        super().__init__(py_func=function, targetoptions=options)
        self._compiler = _LibraryCompiler(function, self.targetdescr, options, {}, compiler.Compiler)
        self._cache = _Cache(function)


class _EntryCompiler(_LibraryCompiler, _CFuncCompiler):
    """Compiles a function and the C function around it."""

    library = staticmethod(_entry_library)


class Callback(CFunc):
    """A C function of a kernel."""

    def __init__(self, function: Any, signature: Any, options: dict[str, Any]) -> None:
        super().__init__(function, (signature.args, signature.return_type), locals={}, options=options)
        self._compiler = _EntryCompiler(function, cpu_target, options, {}, compiler.Compiler)
        self._cache = _Cache(function)
