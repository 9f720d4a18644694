"""How a kernel is compiled for other compiled code: typed and lowered, and left at that.

A stage's step is some two hundred kernels that end up in one another. Numba would optimise, generate machine
code for, wrap for Python and cache each of them; all but the outermost are never called that way. A part goes
into its caller as LLVM lowered it, and LLVM optimises the whole once, where it is entered. It compiles a stage in
about two thirds of the time.
"""

from typing import Any

from numba.core import compiler
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher


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


class _PartCompiler(_FunctionCompiler):
    """Compiles a function to a library that may only be linked into others."""

    def _customize_flags(self, flags: Any) -> Any:
        flags.no_compile = True
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        return flags

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        flags = compiler.Flags()
        self.targetdescr.options.parse_as_flags(flags, self.targetoptions)
        context = self.targetdescr.target_context
        library = _part_library(context, self.py_func.__qualname__)
        result = compiler.compile_extra(
            self.targetdescr.typing_context,
            context,
            self._get_implementation(args, {}),
            args=args,
            return_type=return_type,
            flags=self._customize_flags(flags),
            locals=self.locals,
            library=library,
            pipeline_class=self.pipeline_class,
        )
        if result.typing_error is not None:
            raise result.typing_error
        # The entry point is only a key here: callers find the function by it.
        result = result._replace(entry_point=object())
        context.insert_user_function(result.entry_point, result.fndesc, [result.library])
        return result


class Part(CPUDispatcher):
    """A dispatcher whose functions only other compiled code calls."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        super().__init__(py_func=function, targetoptions=options)
        self._compiler = _PartCompiler(function, self.targetdescr, options, {}, compiler.Compiler)

    def add_overload(self, result: Any) -> None:
        """Remember a compiled signature; there is no entry point for Python to jump to."""
        self.overloads[tuple(result.signature.args)] = result
