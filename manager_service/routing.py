"""What an operation of the API is: declared once, then served and documented from that.

Each module in `api/` has one `OperationTable`; its decorator takes everything a caller could want
to know about an operation. `serving.py` reads requests by it, `openapi.py` writes the document.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from aiohttp import web

if TYPE_CHECKING:
    from flamenco_core.manager import Actor
    from manager_service.authentication import Caller
    from manager_service.service import Service

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

API = "/api/v3"

JsonForm = Any
"""A type of the model whose JSON form travels: a dataclass, an enum, `dict[str, X]`, `list[X]`."""


class Role(StrEnum):
    """Who may call an operation."""

    ANYONE = "anyone"
    """No credentials at all."""
    VIEWER = "viewer"
    """People who look."""
    ARTIST = "artist"
    """People who submit jobs and steer them."""
    WRANGLER = "wrangler"
    """People who look after the workers."""
    ADMIN = "admin"
    """People who look after the Manager itself."""
    WORKER = "worker"
    """Worker programs, with the credentials they registered with."""


LARGEST_OF_STRANGERS = 64 * 2**10
"""Bytes of a body that anyone may send, before it is known who they are."""


class Place(StrEnum):
    """Where in a request a parameter stands."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How a parameter is read, and how the document describes what may stand there."""

    read: Callable[[str], T]
    """Raises `ValueError` with a sentence for the caller."""
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Generic[T]):
    name: str
    place: Place
    kind: Kind[T]
    description: str
    required: bool
    default: T | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What the body of a request is: `json` is a type of the model, else `media_type` is sent."""

    json: JsonForm | None = None
    media_type: str = "application/json"
    more_media_types: tuple[str, ...] = ()
    """What it may be instead."""
    required: bool = True
    largest: int | None = None
    """Bytes of JSON; None is what any operation takes. Strangers may send little only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One status that an operation may answer with, and what comes with it."""

    status: int
    description: str
    json: JsonForm | None = None
    media_type: str | None = None
    """Of a body that is not JSON; None together with no `json` means no body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What is said over a WebSocket, as types of the model."""

    received: tuple[JsonForm, ...]
    """What clients send."""
    sent: tuple[JsonForm, ...]
    """What the Manager sends."""
    contents: tuple[JsonForm, ...] = ()
    """What stands inside of that where the type only says "anything"."""


Handler = Callable[["Call"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    name: str
    """The `operationId`."""
    method: str
    path: str
    tag: str
    role: Role
    summary: str
    description: str
    parameters: tuple[Parameter[Any], ...]
    body: Body | None
    answers: tuple[Answer, ...]
    handler: Handler
    is_sensitive: bool = False
    """Could run code on the Manager, rewrite its configuration, or hand out rights. As long as
    there are no accounts (`authentication: none`), it is done only for this machine itself."""
    conversation: Conversation | None = None
    """If the operation opens a WebSocket."""


@dataclass(slots=True)
class Call:
    """One request, after everything in it was read and found good."""

    request: web.Request
    service: Service
    caller: Caller
    """Who asks; nobody in particular if anyone may."""
    worker_id: str = ""
    """The worker that asks; empty unless the operation is for workers."""
    values: dict[str, Any] = field(default_factory=dict)
    payload: Any = None

    @property
    def actor(self) -> Actor:
        """Who a change is put down to."""
        return self.caller.actor

    def value(self, parameter: Parameter[T]) -> T:
        """What was given for a parameter, or its default."""
        return cast(T, self.values[parameter.name])

    def body(self, cls: type[T]) -> T:
        """The decoded body."""
        if not isinstance(self.payload, cls):
            raise TypeError(f"the operation declares another body than {cls.__name__}")
        return self.payload


class OperationTable:
    """The operations of one tag, in the order of their declaration."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def operation(
        self,
        name: str,
        method: str,
        path: str,
        *,
        role: Role,
        summary: str,
        answers: Sequence[Answer],
        parameters: Sequence[Parameter[Any]] = (),
        body: Body | None = None,
        is_sensitive: bool = False,
        conversation: Conversation | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declares the function below as an operation; its docstring is the description.

        `path` is relative to `/api/v3` and names its parameters in braces. For `is_sensitive` see
        `Operation`.
        """
        declared = {parameter.name for parameter in parameters if parameter.place is Place.PATH}
        if declared != set(re.findall(r"{(\w+)}", path)):
            raise ValueError(f"{name}: the path {path} and the declared parameters differ")

        def declare(handler: Handler) -> Handler:
            self.operations.append(
                Operation(
                    name=name,
                    method=method,
                    path=API + path,
                    tag=self.tag,
                    role=role,
                    summary=summary,
                    description=_description(handler),
                    parameters=tuple(parameters),
                    body=body,
                    answers=tuple(answers),
                    handler=handler,
                    is_sensitive=is_sensitive,
                    conversation=conversation,
                )
            )
            return handler

        return declare


def in_path(name: str, kind: Kind[T], description: str) -> Parameter[T]:
    return Parameter(name=name, place=Place.PATH, kind=kind, description=description, required=True)


def in_query(name: str, kind: Kind[T], description: str, *, default: T) -> Parameter[T]:
    return Parameter(
        name=name,
        place=Place.QUERY,
        kind=kind,
        description=description,
        required=False,
        default=default,
    )


def in_header(name: str, kind: Kind[T], description: str, *, default: T) -> Parameter[T]:
    return Parameter(
        name=name,
        place=Place.HEADER,
        kind=kind,
        description=description,
        required=False,
        default=default,
    )


def ok(json: JsonForm, description: str = "Done.") -> Answer:
    return Answer(status=200, description=description, json=json)


def no_content(description: str = "Done.") -> Answer:
    return Answer(status=204, description=description)


def text(description: str) -> Answer:
    return Answer(status=200, description=description, media_type="text/plain")


def _description(handler: Handler) -> str:
    import inspect

    return inspect.getdoc(handler) or ""


def _read_text(value: str) -> str:
    return value


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _read_uuid(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise ValueError(f"{value!r} is not a UUID such as 0c5f5a0e-3f4b-4c5d-8e6f-7a8b9c0d1e2f")
    return value.lower()


def _read_boolean(value: str) -> bool:
    """Flamenco 3's add-on sends `True` and `False`, as Python writes them."""
    lowered = value.strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return lowered == "true"


TEXT = Kind(_read_text, {"type": "string"})
UUID = Kind(_read_uuid, {"type": "string", "format": "uuid"})
BOOLEAN = Kind(_read_boolean, {"type": "boolean"})


def whole_number(least: int, most: int | None = None) -> Kind[int]:
    """A whole number within bounds; `most` None means up to what SQLite and JSON can hold."""
    greatest = 2**53 if most is None else most

    def read(value: str) -> int:
        # int() alone would take "1_000", " 7" and digits of other scripts.
        if not re.fullmatch(r"-?[0-9]{1,19}", value) or not least <= int(value) <= greatest:
            raise ValueError(f"{value!r} is not a whole number from {least} to {greatest}")
        return int(value)

    return Kind(read, {"type": "integer", "minimum": least, "maximum": greatest})


def one_of(choices: type[E]) -> Kind[E]:
    """A member of an enum, by its value."""

    def read(value: str) -> E:
        try:
            return choices(value)
        except ValueError:
            known = ", ".join(str(member.value) for member in choices)
            raise ValueError(f"{value!r} is none of {known}") from None

    return Kind(read, {"enum": [member.value for member in choices]})


def matching(pattern: str, what: str) -> Kind[str]:
    """A text that fits a regular expression; `what` says in words what it is."""
    compiled = re.compile(pattern)

    def read(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} is not {what}")
        return value

    return Kind(read, {"type": "string", "pattern": f"^{pattern}$"})
