"""The OpenAPI 3.1 document, generated from the operations that are served and the model's types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flamenco_core.model import Error
from manager_service.routing import Answer, Body, Conversation, Operation, Parameter, Role
from manager_service.schemas import SchemaBook

_TAGS = {
    "meta": "The Manager itself: version, configuration, variables.",
    "jobs": "Job types, jobs, tasks and their logs.",
    "worker": "What worker programs call.",
    "worker-mgt": "What people call to look after workers.",
    "accounts": "Logging in, users and their tokens.",
    "settings": "How the Manager is set up, and changing it.",
    "events": "What happens on the farm, while it happens.",
    "files": "The files that Manager and workers share.",
    "shaman": "The content store that files of jobs are sent to.",
}
_FIRST_REFUSAL = 400
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}


def openapi_document(
    operations: Iterable[Operation],
    *,
    version: str,
    has_accounts: bool = True,
    session_cookie: str = "flamenco_session",
) -> dict[str, Any]:
    """The document as JSON-ready data.

    Without accounts (`has_accounts`) people need no credentials, and may send some all the same.
    """
    book = SchemaBook()
    error = {"application/json": {"schema": book.of(Error)}}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        methods = paths.setdefault(operation.path, {})
        methods[operation.method.lower()] = {
            **_operation(operation, book, error),
            "security": _security(operation.role, has_accounts=has_accounts),
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Flamenco Manager",
            "version": version,
            "description": (
                "A render farm's Manager. Compatible with Flamenco 3; what goes beyond it is "
                "optional. Every error answer has the form of `Error`."
            ),
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(book.schemas.items())),
            "securitySchemes": _security_schemes(session_cookie),
        },
    }


def _operation(operation: Operation, book: SchemaBook, error: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"{operation.description}\n\n{_who_may(operation)}".strip(),
        "tags": [operation.tag],
        "x-role": operation.role.value,
        **({"x-sensitive": True} if operation.is_sensitive else {}),
        "responses": {
            **{str(answer.status): _answer(answer, book, error) for answer in operation.answers},
            "default": {"description": "Refused, or failed.", "content": error},
        },
    }
    if operation.parameters:
        described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        described["requestBody"] = _body(operation.body, book)
    if operation.conversation is not None:
        described["x-websocket"] = _conversation(operation.conversation, book)
    return described


def _who_may(operation: Operation) -> str:
    role = f"Role: `{operation.role}`."
    if not operation.is_sensitive:
        return role
    return f"{role} Without accounts: for requests from the Manager's own machine only."


def _security(role: Role, *, has_accounts: bool) -> list[dict[str, list[str]]]:
    """Any one of the entries is enough; an empty one stands for no credentials."""
    if role is Role.ANYONE:
        return []
    if role is Role.WORKER:
        return [{"worker_auth": []}]
    people: list[dict[str, list[str]]] = [{"session": [role.value]}, {"token": [role.value]}]
    return people if has_accounts else [*people, {}]


def _security_schemes(session_cookie: str) -> dict[str, Any]:
    return {
        "worker_auth": {
            "type": "http",
            "scheme": "basic",
            "description": "The worker's UUID and the secret it registered with.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of a person or a service, made with `addToken`.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": session_cookie,
            "description": "What a browser gets by `logIn`; over HTTPS with `__Host-` in front.",
        },
    }


def _conversation(conversation: Conversation, book: SchemaBook) -> dict[str, Any]:
    """OpenAPI has no words for WebSockets; these name the schemas of their messages."""
    return {
        "client-sends": {"oneOf": [book.of(form) for form in conversation.received]},
        "manager-sends": {"oneOf": [book.of(form) for form in conversation.sent]},
        "event-data": {"oneOf": [book.of(form) for form in conversation.contents]},
    }


def _parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    schema = dict(parameter.kind.schema)
    if parameter.default is not None and parameter.default != "":
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": parameter.place.value,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }


def _body(body: Body, book: SchemaBook) -> dict[str, Any]:
    schema = _BINARY if body.json is None else book.of(body.json)
    media_types = (body.media_type, *body.more_media_types)
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {"required": body.required, "content": content}


def _answer(answer: Answer, book: SchemaBook, error: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.json is not None:
        described["content"] = {"application/json": {"schema": book.of(answer.json)}}
    elif answer.media_type is not None:
        # Bytes have no schema; whoever reads them as text may find none.
        schema = {"type": "string"} if answer.media_type.startswith("text/") else {}
        described["content"] = {answer.media_type: {"schema": schema}}
    elif answer.status >= _FIRST_REFUSAL:
        described["content"] = error
    return described
