"""Errors as answers: whatever goes wrong, the caller gets a status and the one `Error` shape."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping

import orjson
from aiohttp import hdrs, web

from flamenco_core import errors, shaman
from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.manager.submission_keys import KeyUsedTwice

logger = logging.getLogger(__name__)

_STATUS_OF: Mapping[type[FlamencoError], int] = {
    errors.InvalidInput: 400,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    KeyUsedTwice: 422,
    errors.WrongEtag: 412,
    errors.StorageError: 500,
    errors.Unavailable: 503,
    errors.FarmLocked: 503,
    shaman.AlreadyStored: 208,
    shaman.ContentMismatch: 417,
    shaman.MissingFiles: 424,
    shaman.UploadInProgress: 425,
}
"""By class; a subclass without an entry has the status of its nearest base."""

REQUEST_ID = "X-Request-Id"
"""The header with the id under which the log tells of a request that failed."""

RETRY_SECONDS = 1
"""When a caller that got 503 may try again."""

MOST_PROBLEMS = 1000
"""How many problems an answer lists; a wrong list of files could have a hundred thousand."""


class HttpRefusal(FlamencoError):
    """A refusal that only exists over HTTP, such as a body of the wrong media type."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, problems=problems)
        self.status = status
        self.headers = dict(headers or {})


def status_of(error: FlamencoError) -> int:
    """The HTTP status that says best what kind of error this is."""
    if isinstance(error, HttpRefusal):
        return error.status
    for cls in type(error).__mro__:
        if cls in _STATUS_OF:
            return _STATUS_OF[cls]
    return 500


def answer_for(error: Exception, request: web.BaseRequest) -> web.Response:
    """The answer to a request that failed with `error`."""
    if isinstance(error, FlamencoError):
        return _expected(error, request)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return refusal(413, "The body of this request is too large")
    if isinstance(error, web.RequestPayloadError):
        return _unreadable_body(request)
    if isinstance(error, web.HTTPException):
        return refusal(error.status, error.text or error.reason, headers=_kept(error))
    return _unexpected(error, request)


def refusal(
    status: int,
    message: str,
    *,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An answer in the `Error` shape."""
    content = {
        "code": status,
        "message": _sendable(message),
        "problems": [
            {
                "where": _sendable(problem.where),
                "what": _sendable(problem.what),
                "hint": _sendable(problem.hint),
            }
            for problem in _first(list(problems))
        ],
    }
    return web.Response(
        status=status,
        body=orjson.dumps(content),
        content_type="application/json",
        headers=headers,
    )


def _sendable(text: str) -> str:
    """Halves of characters, which a request may name things by, are none in an answer."""
    return text.encode("utf-8", "replace").decode()


def _expected(error: FlamencoError, request: web.BaseRequest) -> web.Response:
    status = status_of(error)
    headers = dict(error.headers) if isinstance(error, HttpRefusal) else {}
    if status == 208:  # for the caller it is a success
        return web.Response(status=status)
    if isinstance(error, (errors.Unavailable, errors.FarmLocked)):
        headers["Retry-After"] = str(RETRY_SECONDS)
    if status >= 500:
        headers[REQUEST_ID] = request_id = _new_request_id()
        told = (request_id, request.method, request.path, error)
        logger.warning("Request %s, %s %s: %s", *told, extra={"request_id": request_id})
    return refusal(status, _message(error), problems=error.problems, headers=headers)


def _unreadable_body(request: web.BaseRequest) -> web.Response:
    """The answer to a body that is not in the coding which its headers say."""
    coding = request.headers.get(hdrs.CONTENT_ENCODING)
    what = f"the body is not valid {coding}" if coding else "the body's chunks are not valid"
    problem = Problem("", what, "send it as its headers say")
    return refusal(400, f"The body cannot be read: {problem}", problems=[problem])


def _message(error: FlamencoError) -> str:
    """Clients of Flamenco 3 show the message only, so that it has to say what is wrong."""
    if not error.problems:
        return error.message
    first, more = error.problems[0], len(error.problems) - 1
    message = error.message if first.what in error.message else f"{error.message}: {first}"
    return f"{message} (and {more} more)" if more else message


def _first(problems: list[Problem]) -> list[Problem]:
    left_out = len(problems) - MOST_PROBLEMS
    if left_out <= 0:
        return problems
    return [*problems[:MOST_PROBLEMS], Problem("", f"there are {left_out} more problems")]


def _unexpected(error: Exception, request: web.BaseRequest) -> web.Response:
    incident = _new_request_id()
    logger.error(
        *("Internal error %s in %s %s", incident, request.method, request.path),
        exc_info=error,
        extra={"request_id": incident},
    )
    return refusal(
        500,
        f"The Manager ran into an error of its own; its log has the details under {incident}",
        problems=[
            Problem("", f"internal error {incident}", "send the log's lines to the developers")
        ],
        headers={REQUEST_ID: incident},
    )


def _new_request_id() -> str:
    """Short enough to be read aloud, and to be searched for in a log."""
    return secrets.token_hex(4)


def _kept(error: web.HTTPException) -> dict[str, str]:
    """Headers that matter with the status, without those that describe the old body."""
    names = ("Allow", "Location", "WWW-Authenticate")
    return {name: error.headers[name] for name in names if name in error.headers}
