"""Names and defaults of other frameworks: from the name that a function has there to the function here."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import typeof
from numba.extending import typeof_impl

from fastrelu import embed_elementwise, embed_folds
from fastrelu.activation import REGISTRY
from fastrelu.compiled import Compiled
from fastrelu.elementwise import Elementwise
from fastrelu.fold import Fold
from fastrelu.parameters import REQUIRED, made_once

FRAMEWORKS = {
    "torch": "PyTorch",
    "jax": "JAX, Flax",
    "keras": "Keras 3",
    "keras2": "Keras 2",
    "tf": "TensorFlow",
    "tfa": "TensorFlow Addons",
    "nnlib": "NNlib.jl",
    "onnx": "ONNX",
    "onednn": "oneDNN",
    "cudnn": "cuDNN",
    "mlx": "MLX",
    "chainer": "Chainer",
    "scipy": "SciPy, CuPy",
    "sklearn": "scikit-learn",
    "transformers": "Hugging Face Transformers",
}
ALIASES = {
    "pytorch": "torch",
    "flax": "jax",
    "keras3": "keras",
    "tensorflow": "tf",
    "cupy": "scipy",
    "scikit-learn": "sklearn",
    "huggingface": "transformers",
}


class Entry(NamedTuple):
    """A function under one of its names in another framework."""

    function: Any
    name: str
    framework: str
    translation: Callable[..., dict[str, Any]] | None = None
    check: Callable[..., None] | None = None  # of the arrays of the function itself

    @property
    def signature(self) -> inspect.Signature:
        """Its parameters there; none where they are the same as here."""
        return inspect.Signature() if self.translation is None else inspect.signature(self.translation)

    @property
    def meaning(self) -> tuple[Any, dict[str, Any] | None]:
        """The function and its parameters in a call there without parameters; None where there must be some."""
        if any(parameter.default is inspect.Parameter.empty for parameter in self.signature.parameters.values()):
            return self.function, None
        return self.function, {**defaults(self.function), **(self.translation() if self.translation else {})}

    def __str__(self) -> str:
        return self.name + (str(self.signature) if self.translation else "")


def defaults(function: Any) -> dict[str, Any]:
    """The default of every parameter and option of a function."""
    return {**function.params, **{option: next(iter(choices)) for option, choices in function.options.items()}}


def entries(functions: Any = None) -> Iterator[Entry]:
    """Every function of the registry, or every one of those given, under each of its names."""
    for function in REGISTRY.values() if functions is None else functions:
        for names, frameworks, *translation in function.names:
            for framework in frameworks.split():
                for name in names.split():
                    yield Entry(function, name, framework, *translation)


class Rebound:
    """An elementwise function with the defaults and the name of another framework, as compiled code sees it."""

    def __init__(self, translated: Translated) -> None:
        function, name = translated.function, FRAMEWORKS[translated.entry.framework]
        self._function, self.dotted_name = function, f"{translated.__name__} of {name}"
        there = translated.entry.meaning[1]
        keywords = dict.fromkeys(function.params, REQUIRED) if there is None else there
        self.params = {key: keywords.get(key, default) for key, default in function.params.items()}
        self.options = {
            option: {value: choices[value] for value in (*([keywords[option]] if option in keywords else []), *choices)}
            for option, choices in function.options.items()
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)


class Translated:
    """A function with the defaults and the parameters that it has in another framework.

    It is called like the function, which is `function`; `keywords` are its parameters here that amount to the defaults there.
    Parameters have their names and their order there; those of ours that are called otherwise are understood by name. Compiled
    code can call it where it can call the function: there it has the framework's defaults, but our parameters.

    Attributes
    ----------
    function : Activation, Elementwise or Fold
        What it calls.
    entry : Entry
        Its name, framework and parameters there.
    derivative, backward : Translated
        The derivative and the backward pass, with the same defaults and parameters.
    """

    def __init__(self, function: Any, entry: Entry) -> None:
        self.function = function
        self.entry, self._n_arrays = entry, len(function.arrays)
        self.__name__ = self.__qualname__ = self._dotted(entry.name)
        self.__doc__ = f"{function.__doc__ or ''}\n{FRAMEWORKS[entry.framework]} calls it {entry}.\n"
        self.__signature__ = self._signature()

    @property
    def keywords(self) -> dict[str, Any]:
        """The parameters of the function that amount to the defaults in the framework."""
        return self._translate((), {})

    @made_once
    def compiled(self) -> Any:
        """Numba's type of it."""
        if isinstance(self.function, Elementwise):
            return embed_elementwise.type_of(self, Rebound(self), self._check_types)
        if not isinstance(self.function, Fold):
            return typeof(self.function)  # says that there is none
        there = self.entry.meaning[1]
        keywords: dict[str, Any] = {"axis": REQUIRED} if there is None else there
        return embed_folds.type_of(self, self.function, f"{self.__name__} of {FRAMEWORKS[self.entry.framework]}", keywords)

    def _check_types(self, kinds: Sequence[Any]) -> None:
        """The check of the arrays, of which compiled code knows the axes only."""
        if self.entry.check:
            self.entry.check(*(np.zeros((2,) * getattr(kind, "ndim", 0)) for kind in kinds[-len(self.entry.function.arrays) :]))

    def __call__(self, *operands: Any, **named: Any) -> Any:
        if self.entry.check and len(operands) >= self._n_arrays:
            self.entry.check(*operands[self._n_arrays - len(self.entry.function.arrays) : self._n_arrays])
        return self.function(*operands[: self._n_arrays], **self._translate(operands[self._n_arrays :], named))

    def __getattr__(self, name: str) -> Any:
        if name not in ("derivative", "backward") or not hasattr(self.function, name):
            raise AttributeError(f"{self!r} has no attribute {name!r}; its attribute 'function' may have")
        return Translated(getattr(self.function, name), self.entry)

    def __reduce__(self) -> Any:
        return _again, (self.entry.name, self.entry.framework, self._dotted(""))

    def __repr__(self) -> str:
        return f"<fastrelu function {self.function.dotted_name} as {self.entry} of {FRAMEWORKS[self.entry.framework]}>"

    def _dotted(self, name: str) -> str:
        return name + "".join(self.function.dotted_name.partition(".")[1:])

    def _translate(self, positional: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        translation: Any = self.entry.translation
        known = self.entry.signature.parameters
        try:
            bound = self.entry.signature.bind(*positional, **{key: value for key, value in named.items() if key in known})
        except TypeError as error:
            raise TypeError(f"{self.__name__} of {FRAMEWORKS[self.entry.framework]}: {error}") from None
        return {**translation(*bound.args, **bound.kwargs), **{key: value for key, value in named.items() if key not in known}}

    def _signature(self) -> inspect.Signature:
        ours, known = inspect.signature(self.function).parameters, self.entry.signature.parameters
        replaced = {*known, *defaults(self.entry.function), "axis", "pool_size"}
        rest = [parameter for key, parameter in ours.items() if key not in replaced and key not in self.function.arrays]
        keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in rest]
        return inspect.Signature([*(ours[key] for key in self.function.arrays), *known.values(), *keywords])


@typeof_impl.register(Translated)
def _typeof(translated: Translated, _context: Any) -> Any:
    return translated.compiled


def _again(name: str, framework: str, path: str) -> Any:
    """Unpickles a Translated."""
    found = get(name, framework)
    return operator.attrgetter(path[1:])(found) if path else found


def get(name: Any, framework: str | None = None) -> Any:
    """The function that has a name here or in another framework, with the defaults that it has there.

    Parameters
    ----------
    name : str
        Case, ``_`` and ``-`` do not matter, unless two names differ by nothing else. A prefix that is a framework counts as
        `framework`: "jax.nn.gelu"; others are ignored: "nn.GELU". One of our functions is returned as it is.
    framework : str, optional
        One of ``fastrelu.translate.FRAMEWORKS``: "torch", "jax", "keras", "keras2", "tf", "onnx" and so on. Its names count, and
        ours for what it has. Without it our names come first, with our defaults, then those of any framework, with its
        defaults; where frameworks differ, torch's.

    Returns
    -------
    Activation, Fold or Translated
        The registry's function itself where it has the defaults and the parameters of the framework; else an object that is
        called in the same way, and has them.

    Raises
    ------
    ValueError
        An unknown name or framework; a name that means different things in different frameworks, but none in torch.
    TypeError
        A name that is neither a string nor one of our functions.
    """
    if isinstance(name, (Compiled, Translated)):
        return name
    if not isinstance(name, str):
        raise TypeError(f"get: name must be a string, got {type(name).__name__}")
    prefix, _, last = name.rpartition(".")
    given = framework or _known(prefix.partition(".")[0])
    if framework is not None and not isinstance(framework, str):
        raise TypeError(f"get: framework must be a string, got {type(framework).__name__}")
    if given is None:
        return _anywhere(last)
    found = _known(given)
    if found is None:
        raise ValueError(f"get: framework must be one of {', '.join(FRAMEWORKS)}, got {given!r}")
    return _within(last, found)


def _known(framework: str) -> str | None:
    key = str(framework).lower()
    return ALIASES.get(key, key if key in FRAMEWORKS else None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _named(name: str, candidates: list[Entry]) -> list[Entry]:
    """Those spelt in this way; else those that differ in style."""
    return [entry for entry in candidates if entry.name == name] or [e for e in candidates if _plain(e.name) == _plain(name)]


def _own(name: str) -> Any:
    return REGISTRY.get(name) or next((value for key, value in REGISTRY.items() if _plain(key) == _plain(name)), None)


def _translated(entry: Entry) -> Any:
    return entry.function if entry.translation is None else Translated(entry.function, entry)


def _within(name: str, framework: str) -> Any:
    everywhere, own = list(entries()), _own(name)
    there = [entry for entry in everywhere if entry.framework == framework]
    found = _named(name, there) or [entry for entry in there if entry.function is own]
    if found:
        return _translated(found[0])
    same = {own, *(entry.function for entry in everywhere if _plain(entry.name) == _plain(name))}
    meant = [entry.name for entry in there if entry.function in same]
    hint = f"; without framework it is {own.dotted_name}" if own and not meant else _suggestion(name, there, meant)
    raise ValueError(f"get: nothing here is {name!r} of {FRAMEWORKS[framework]}{hint}")


def _anywhere(name: str) -> Any:
    own = _own(name)
    if own is not None:
        return own
    everywhere = list(entries())
    found = [entry for entry in everywhere if _plain(entry.name) == _plain(name)]
    if not found:
        ours = [Entry(function, key, "") for key, function in REGISTRY.items()]
        raise ValueError(f"get: there is no {name!r}{_suggestion(name, [*ours, *everywhere])}")
    chosen = next((entry for entry in found if entry.framework == "torch"), found[0])
    if chosen.framework != "torch" and any(entry.meaning != chosen.meaning for entry in found):
        having = ", ".join(dict.fromkeys(entry.framework for entry in found))
        raise ValueError(f"get: {name!r} means different things in {having}; say which by framework=")
    return chosen.function if chosen.meaning == Entry(chosen.function, name, "").meaning else _translated(chosen)


def _suggestion(name: str, known: list[Entry], meant: Sequence[str] = ()) -> str:
    if not meant:
        import difflib  # 1 ms, for mistakes only

        by_style = {_plain(entry.name): entry.name for entry in reversed(known)}
        meant = [by_style[match] for match in difflib.get_close_matches(_plain(name), by_style)]
    return f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""
