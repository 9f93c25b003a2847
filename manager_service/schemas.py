"""JSON schemas of the model's types, made from the types themselves.

Field metadata (`minimum`, `pattern` …) become constraints; the docstrings below classes, fields
and enum members become descriptions. The latter are read from the source, since Python keeps none
of them for fields: without source the schemas are complete but silent.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

_SCALARS: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}
_CONSTRAINTS = ("minimum", "maximum", "minLength", "maxLength", "pattern")


class SchemaBook:
    """Collects the named schemas that a document refers to."""

    def __init__(self) -> None:
        self.schemas: dict[str, dict[str, Any]] = {}
        """By name, as they stand under `#/components/schemas`."""

    def of(self, form: Any) -> dict[str, Any]:
        """The schema of a type; dataclasses and enums are added to the book and referred to."""
        if form in _SCALARS:
            return dict(_SCALARS[form])
        origin, arguments = get_origin(form), get_args(form)
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1]) or True}
        if origin in (Union, types.UnionType):
            # Optional means absent, never null: the schema is that of the value.
            return self.of(next(item for item in arguments if item is not type(None)))
        return self._named(form)

    def _named(self, cls: type) -> dict[str, Any]:
        name = cls.__name__
        if name not in self.schemas:
            self.schemas[name] = {}  # before its fields, which may refer to it again
            self.schemas[name] = self._enum(cls) if issubclass(cls, Enum) else self._object(cls)
        return {"$ref": f"#/components/schemas/{name}"}

    def _enum(self, cls: type[Enum]) -> dict[str, Any]:
        documented = _attribute_docs(cls)
        lines = [_class_doc(cls)]
        lines += [
            f"- `{member.value}`: {documented[member.name]}"
            for member in cls
            if member.name in documented
        ]
        schema = {"type": "string", "enum": [member.value for member in cls]}
        return _described(schema, "\n".join(line for line in lines if line))

    def _object(self, cls: type) -> dict[str, Any]:
        if not is_dataclass(cls):
            raise TypeError(f"{cls!r} has no JSON form")
        hints, documented = get_type_hints(cls), _attribute_docs(cls)
        properties = {}
        for item in fields(cls):
            schema = self.of(hints[item.name])
            schema |= {name: item.metadata[name] for name in _CONSTRAINTS if name in item.metadata}
            schema |= _default(item)
            properties[item.name] = _described(schema, documented.get(item.name, ""))
        required = [item.name for item in fields(cls) if _is_required(item)]
        schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        return _described(schema, _class_doc(cls))


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _default(item: Field[Any]) -> dict[str, Any]:
    if item.default is MISSING or item.default is None:
        return {}
    return {"default": item.default}


def _described(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description} if description else schema


def _class_doc(cls: type) -> str:
    """The docstring, unless it is the signature that `dataclass` fills in where there is none."""
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    return "" if text.startswith(f"{cls.__name__}(") else text


def _attribute_docs(cls: type) -> dict[str, str]:
    """The texts that stand below the attributes of a class."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= _module_docs(base.__module__).get(base.__qualname__, {})
    return found


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """By class and attribute, for the top-level classes of a module of ours."""
    if not module.startswith(("flamenco_core", "manager_service")):
        return {}
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {node.name: _docs_below_attributes(node) for node in classes}


def _docs_below_attributes(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement, following in zip(node.body, node.body[1:], strict=False):
        if not isinstance(following, ast.Expr) or not isinstance(following.value, ast.Constant):
            continue
        text = following.value.value
        if isinstance(statement, ast.AnnAssign):
            target: ast.expr = statement.target
        elif isinstance(statement, ast.Assign):
            target = statement.targets[0]
        else:
            continue
        if isinstance(target, ast.Name) and isinstance(text, str):
            found[target.id] = inspect.cleandoc(text)
    return found
