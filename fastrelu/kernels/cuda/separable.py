"""Which row formulas several threads can run together, each on its own elements of the row.

Those whose loops treat each element for itself, and that see the whole row through row_max and row_sum alone: then every thread
runs the formula on the elements that it holds, and the two functions ask the other threads.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from fastrelu.vecmath.primitives import jitable
from fastrelu.vecmath.row_reductions import row_max, row_sum

MAX, SUM = "row_max", "row_sum"
REDUCTIONS: dict[Any, str] = {row_max: MAX, row_sum: SUM}
Formula = Callable[..., Any]


class _Refused(Exception):
    pass


@functools.cache
def reductions_of(formula: Formula) -> tuple[str, ...] | None:
    """What such a formula asks of its rows, in this order: each at most once, the maximum first; None of any other formula."""
    try:
        found = _Reader(formula).found
    except (_Refused, OSError, SyntaxError, TypeError):
        return None
    return tuple(found) if found in ([], [MAX], [SUM], [MAX, SUM]) else None


class _Reader:
    """Reads a formula's source, statement by statement."""

    def __init__(self, formula: Formula) -> None:
        self.found: list[str] = []
        self._names = formula.__globals__ if isinstance(formula, FunctionType) else {}
        tree = ast.parse(textwrap.dedent(inspect.getsource(formula)))
        (definition,) = tree.body
        if not isinstance(definition, ast.FunctionDef) or not _is_code_of(tree, formula):
            raise _Refused
        self._rows = {argument.arg for argument in definition.args.args}
        self._of_one_turn: set[str] = set()  # names that a turn of a loop gives a value, and that nothing else may ask for
        self._of_all: set[str] = set()  # names that are asked for elsewhere
        self._block(definition.body, asks=True)
        if self._of_one_turn & self._of_all:
            raise _Refused

    def _block(self, body: list[ast.stmt], asks: bool) -> None:
        for statement in body:
            if isinstance(statement, ast.For):
                self._loop(statement)
            elif isinstance(statement, ast.If):
                self._value(statement.test, asks=False)
                self._block(statement.body, asks=False)
                self._block(statement.orelse, asks=False)
            elif isinstance(statement, ast.Assign):
                if not all(isinstance(part, (ast.Name, ast.Tuple)) for part in statement.targets):
                    raise _Refused
                if self._rows & {node.id for part in statement.targets for node in ast.walk(part) if isinstance(node, ast.Name)}:
                    raise _Refused
                self._value(statement.value, asks)
            elif isinstance(statement, (ast.Expr, ast.Return)):
                if isinstance(statement, ast.Return) and not asks:
                    raise _Refused  # some threads would go on alone
                if statement.value is not None:
                    self._value(statement.value, asks)
            else:
                raise _Refused

    def _loop(self, loop: ast.For) -> None:
        """Only ``for k in range(row.size)`` with statements ``row[k] = ...``."""
        over = loop.iter
        if not isinstance(loop.target, ast.Name) or loop.orelse or not isinstance(over, ast.Call) or len(over.args) != 1:
            raise _Refused
        size = over.args[0]
        known = isinstance(over.func, ast.Name) and over.func.id == "range" and "range" not in self._names
        if not known or not isinstance(size, ast.Attribute) or size.attr != "size" or not self._is_row(size.value):
            raise _Refused
        inside: set[str] = set()  # names that have a value in this turn
        for statement in loop.body:
            if not isinstance(statement, ast.Assign):
                raise _Refused
            self._element(statement.value, loop.target.id, inside)
            for target in statement.targets:
                if isinstance(target, ast.Name) and target.id != loop.target.id and target.id not in self._rows:
                    inside.add(target.id)
                elif isinstance(target, ast.Subscript):
                    self._element(target, loop.target.id, inside)
                else:
                    raise _Refused
        self._of_one_turn |= inside

    def _element(self, node: ast.AST, index: str, inside: set[str]) -> None:
        """An expression of one element of each row."""
        if isinstance(node, ast.Subscript):
            if not (self._is_row(node.value) and isinstance(node.slice, ast.Name) and node.slice.id == index):
                raise _Refused
        elif isinstance(node, ast.Attribute) and self._is_row(node.value):
            if node.attr != "dtype":
                raise _Refused
        elif isinstance(node, ast.Name):
            if node.id == index or node.id in self._rows:
                raise _Refused
            if node.id not in inside:
                self._of_all.add(node.id)
        elif isinstance(node, (ast.NamedExpr, ast.Lambda, ast.comprehension)):
            raise _Refused
        else:
            for child in ast.iter_child_nodes(node):
                self._element(child, index, inside)

    def _value(self, node: ast.AST, asks: bool) -> None:
        """An expression of numbers that are the same for the whole row."""
        if isinstance(node, ast.Call) and any(map(self._is_row, node.args)):
            called = self._names.get(node.func.id) if isinstance(node.func, ast.Name) else None
            if not asks or node.keywords or not all(map(self._is_row, node.args)):
                raise _Refused
            if called in REDUCTIONS:
                self.found.append(REDUCTIONS[called])
            elif isinstance(called, FunctionType):
                self.found += _Reader(called).found
            else:
                raise _Refused
            return
        if isinstance(node, ast.Attribute) and self._is_row(node.value) and node.attr == "dtype":
            return
        if self._is_row(node) or isinstance(node, (ast.NamedExpr, ast.Lambda, ast.comprehension)):
            raise _Refused
        if isinstance(node, ast.Name):
            self._of_all.add(node.id)
        for child in ast.iter_child_nodes(node):
            self._value(child, asks)

    def _is_row(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in self._rows


def _is_code_of(tree: ast.Module, formula: Formula) -> bool:
    """Whether the source is what is running: a file may have been edited since."""
    return any(code.co_code == formula.__code__.co_code for code in _codes(compile(tree, "<formula>", "exec")))


def _codes(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def with_reductions(formula: Formula, replaced: dict[str, Formula]) -> Formula:
    """The formula, and what it calls with rows, with other functions in the place of row_max and row_sum."""
    names = dict(formula.__globals__)
    for name in formula.__code__.co_names:
        value = names.get(name)
        if isinstance(value, FunctionType) and value in REDUCTIONS:
            names[name] = replaced[REDUCTIONS[value]]
        elif isinstance(value, FunctionType) and _reaches(value):
            names[name] = jitable(with_reductions(value, replaced))
    made = FunctionType(formula.__code__, names, formula.__name__, formula.__defaults__, formula.__closure__)
    made.__module__, made.__qualname__ = formula.__module__, formula.__qualname__
    return made


@functools.cache
def _reaches(function: FunctionType) -> bool:
    known = (function.__globals__.get(name) for name in function.__code__.co_names)
    return any(
        value in REDUCTIONS or _reaches(value) for value in known if isinstance(value, FunctionType) and value is not function
    )
