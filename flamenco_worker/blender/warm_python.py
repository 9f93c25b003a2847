"""What a piece of Python on Blender's command line leaves behind, as far as its text tells.

Code that changes nothing but the open file can run in a Blender that renders other tasks
afterwards, since what it did goes with the file. Anything whose effect is not plain to see (unknown
functions, operators, preferences, handlers, modules) is not for such a Blender. Nothing is run
here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

_PLAIN_FUNCTIONS = frozenset(
    """
    abs all any bool dict enumerate float getattr hasattr int isinstance len list max min
    print range repr reversed round set setattr sorted str sum tuple zip RuntimeError
    ValueError
    """.split()  # noqa: SIM905 - a list of names is read more easily so
)
_PLAIN_METHODS = frozenset(
    """
    get items keys values startswith endswith lower upper strip split rsplit join format
    replace index count find foreach_set copy
    """.split()  # noqa: SIM905 - a list of names is read more easily so
)
_METHODS_OF_DATA = frozenset(
    """
    append extend add insert pop new remove link unlink clear keyframe_insert
    """.split()  # noqa: SIM905 - a list of names is read more easily so
)
_WAYS_OUT = frozenset({"preferences", "window_manager", "window", "area", "bl_rna", "handlers"})
"""Attributes that lead from the file to what stays without it."""
_DATA_OF_CONTEXT = frozenset({"scene", "view_layer", "collection", "object", "active_object"})
_IMPORTS = frozenset({"bpy", "os", "math", "re", "mathutils", "pathlib"})
_MODULE_FUNCTIONS = ("os.path.", "math.", "bpy.path.", "re.", "bpy.app.version")
_ALLOWED = (
    *(ast.Module, ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.For, ast.Pass),
    *(ast.Break, ast.Continue, ast.Raise, ast.FunctionDef, ast.Return, ast.Yield, ast.YieldFrom),
    *(ast.Import, ast.alias, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant),
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.JoinedStr, ast.FormattedValue, ast.Starred),
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
    *(ast.arguments, ast.arg, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop),
)


class Effect(Enum):
    """What is left of a piece of Python that has run."""

    REPEATABLE = "repeatable"
    """Values in the open file; run once more, it sets the same ones."""
    GOES_WITH_THE_FILE = "goes-with-the-file"
    """Changes of the open file that may depend on how it was."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text tells."""

    effect: Effect
    why: str = ""
    """Of an unknown effect: what is not understood, to be read behind "since"."""


@lru_cache(maxsize=64)  # a job's tasks bring the same text, and few texts at a time
def read_python(source: str) -> Reading:
    """Looks at the text of `--python-expr`."""
    try:
        tree = ast.parse(source)
        reader = _Reader()
        reader.read(tree)
    except (SyntaxError, ValueError):  # the second for NUL
        return Reading(Effect.UNKNOWN, "its Python cannot be read")
    except (RecursionError, MemoryError):
        return Reading(Effect.UNKNOWN, "its Python is nested too deeply")
    except _NotUnderstood as error:
        return Reading(Effect.UNKNOWN, str(error))
    return Reading(Effect.REPEATABLE if reader.is_repeatable else Effect.GOES_WITH_THE_FILE)


class _NotUnderstood(Exception):
    """Says what."""


@dataclass(slots=True)
class _Reader:
    is_repeatable: bool = True
    _data: set[str] = field(default_factory=set)
    """Names that stand for parts of the file, or for values made here."""
    _modules: set[str] = field(default_factory=set)
    _functions: set[str] = field(default_factory=set)

    def read(self, tree: ast.Module) -> None:
        # Names count wherever they are bound, so that the order does not matter.
        statements = [*_unwrapped(tree.body)]
        for statement in statements:
            for node in ast.walk(statement):
                self._collect(node)
        for statement in statements:
            for node in ast.walk(statement):
                self._check(node)
            self._check_modules(statement)
            if not self._is_repeatable(statement):
                self.is_repeatable = False

    def _collect(self, node: ast.AST) -> None:
        match node:
            case ast.Import():
                for name in node.names:
                    if name.name not in _IMPORTS:
                        raise _NotUnderstood(f"its Python imports {name.name}")
                    self._modules.add(name.asname or name.name)
            case ast.FunctionDef():
                if node.decorator_list:
                    raise _NotUnderstood(f"its Python decorates {node.name}")
                self._functions.add(node.name)
            case ast.arg():
                self._data.add(node.arg)
            case ast.Name(ctx=ast.Store()):
                self._data.add(node.id)

    def _check(self, node: ast.AST) -> None:
        if not isinstance(node, _ALLOWED):
            raise _NotUnderstood(f"its Python has a {type(node).__name__}")
        match node:
            case ast.Attribute() if node.attr.startswith("_") or node.attr in _WAYS_OUT:
                raise _NotUnderstood(f"its Python uses {ast.unparse(node)}")
            case ast.Call():
                self._check_call(node)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.For():
                self._check_binding(node)
            case ast.Name(ctx=ast.Load()):
                self._check_name(node.id)

    def _check_modules(self, node: ast.AST) -> None:
        """Modules may only be the beginning of something known, not be handed around."""
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Name):
            path = _path(node)
            if path is not None:
                if path[0] in self._modules and not self._is_known(path):
                    raise _NotUnderstood(f"its Python uses {ast.unparse(node)}")
                return
        for child in ast.iter_child_nodes(node):
            self._check_modules(child)

    def _is_known(self, path: list[str]) -> bool:
        is_data = path[0] == "bpy" and _is_data_of_bpy(path[1:])
        return is_data or ".".join(path).startswith(_MODULE_FUNCTIONS)

    def _check_name(self, name: str) -> None:
        known = self._data | self._modules | self._functions | _PLAIN_FUNCTIONS
        if name not in known:
            raise _NotUnderstood(f"its Python uses {name}")

    def _check_call(self, call: ast.Call) -> None:
        shown = ast.unparse(call.func)
        match call.func:
            case ast.Name(id=name) if name in self._functions | _PLAIN_FUNCTIONS:
                if name in ("getattr", "setattr", "hasattr"):
                    self._check_named_attribute(call)
                return
            case ast.Attribute() if shown.startswith(_MODULE_FUNCTIONS):
                return
            case ast.Attribute(attr=method) if method in _PLAIN_METHODS:
                return
            case ast.Attribute(value=receiver, attr=method) if method in _METHODS_OF_DATA:
                if self._is_data(receiver):
                    return
        raise _NotUnderstood(f"its Python calls {shown}")

    def _check_named_attribute(self, call: ast.Call) -> None:
        name = call.args[1] if len(call.args) > 1 else None
        is_plain = isinstance(name, ast.Constant) and not str(name.value).startswith("_")
        is_plain = is_plain and name.value not in _WAYS_OUT  # type: ignore[union-attr]
        if not is_plain or not self._is_data(call.args[0]):
            raise _NotUnderstood(f"its Python calls {ast.unparse(call)}")

    def _check_binding(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = node.iter if isinstance(node, ast.For) else node.value
        for target in _flat(targets):
            match target:
                case ast.Name():
                    # A name must not stand for anything else than data, or all checks are void.
                    if value is not None and not self._is_harmless(value):
                        raise _NotUnderstood(f"its Python uses {ast.unparse(value)}")
                case ast.Attribute() | ast.Subscript():
                    if not self._is_data(target.value):
                        raise _NotUnderstood(f"its Python changes {ast.unparse(target)}")

    def _is_harmless(self, value: ast.expr) -> bool:
        """Whether a value gives no way to anything but data."""
        if isinstance(value, ast.Tuple | ast.List):
            return all(self._is_harmless(each) for each in value.elts)
        if isinstance(value, ast.Attribute | ast.Subscript | ast.Name):
            return self._is_data(value)
        return True

    def _is_data(self, value: ast.expr) -> bool:
        """Whether this is part of the open file, or made here."""
        path = _path(value)
        if path is None:
            return not isinstance(value, ast.Name | ast.Attribute | ast.Subscript)
        root, *attributes = path
        if root == "bpy" and root in self._modules:
            return _is_data_of_bpy(attributes)
        return root in self._data and root not in self._modules

    def _is_repeatable(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Import() | ast.Pass():
                return True
            case ast.Assign() if all(isinstance(t, ast.Name) for t in _flat(statement.targets)):
                return all(_path(each) is not None for each in _flat([statement.value]))
            case ast.Assign():
                return all(isinstance(each, ast.Constant) for each in _flat([statement.value]))
            case ast.For() if not statement.orelse:
                is_plain = _path(statement.iter) is not None
                return is_plain and all(self._is_repeatable(each) for each in statement.body)
            case ast.If(test=ast.Call(func=ast.Name(id="hasattr"))):
                return all(self._is_repeatable(s) for s in [*statement.body, *statement.orelse])
        return False


def _is_data_of_bpy(attributes: list[str]) -> bool:
    match attributes:
        case ["data"] | ["context"]:
            return True
        case ["data", *_]:
            return True
        case ["context", name, *_]:
            return name in _DATA_OF_CONTEXT
    return False


def _path(value: ast.expr) -> list[str] | None:
    """The name and the attributes of `a.b["c"].d`; None if it is something else."""
    match value:
        case ast.Name():
            return [value.id]
        case ast.Attribute():
            before = _path(value.value)
            return None if before is None else [*before, value.attr]
        case ast.Subscript(slice=ast.Constant()):
            return _path(value.value)
    return None


def _flat(expressions: list[ast.expr]) -> list[ast.expr]:
    """Without the tuples around them."""
    flat: list[ast.expr] = []
    for each in expressions:
        flat += _flat(each.elts) if isinstance(each, ast.Tuple | ast.List) else [each]
    return flat


def _unwrapped(statements: list[ast.stmt]) -> list[ast.stmt]:
    """With the source inside `exec(compile(source, name, 'exec'))` in its place."""
    found: list[ast.stmt] = []
    for statement in statements:
        match statement:
            case ast.Expr(
                ast.Call(
                    func=ast.Name(id="exec"),
                    args=[
                        ast.Call(
                            func=ast.Name(id="compile"), args=[ast.Constant(value=str(source)), *_]
                        )
                    ],
                )
            ):
                found += _unwrapped(ast.parse(source).body)
            case _:
                found.append(statement)
    return found
