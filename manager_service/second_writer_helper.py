"""The program that carries out workers' requests on a busy farm, beside the Manager's write thread.

It is started by `helper_start`, with the farm file. Messages go over its standard input
and output: a length (4 bytes, most significant first) and a pickle. It gets `Work`, and answers
each with `Done`. It ends with its input, and so with the Manager.
"""

from __future__ import annotations

import pickle
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from flamenco_core.events import Event
from flamenco_core.manager import Manager
from flamenco_core.manager.opening import Bearings
from manager_service.group_commit import Request, carry_out
from manager_service.helper_output import send

LENGTH = struct.Struct(">I")

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A method of `Manager`, by its name, and its arguments."""


@dataclass(frozen=True, slots=True)
class Work:
    """Calls for one transaction."""

    calls: list[Call]
    bearings: Bearings | None = None
    """What is to be decided by from now on, if that has changed; the first message has it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of `Work`: all of it is on disk."""

    answers: list[tuple[Any, Exception | None]]
    """A result or an error for each call."""
    events: list[Event]


def main() -> None:
    """Carries out what comes until nothing more can come."""
    # Ctrl+C in a terminal reaches this process too; the Manager then ends it when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(1)  # one thread does it all
    messages = sys.stdin.buffer
    first = _next_message(messages)
    if first is None or first.bearings is None:
        return
    events: list[Event] = []
    with Manager.open_beside(Path(sys.argv[2]), first.bearings) as manager:
        manager.subscribe(events.extend)
        work: Work | None = first
        while work is not None:
            done = _carry_out(manager, work, events)
            if not send(encoded(done)):
                return
            work = _next_message(messages)


def encoded(message: Work | Done) -> bytes:
    """A message as it is sent."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(content)) + content


def _next_message(messages: IO[bytes]) -> Work | None:
    head = messages.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    content = messages.read(length)
    if len(content) < length:
        return None
    message: Work = pickle.loads(content)
    return message


def _carry_out(manager: Manager, work: Work, events: list[Event]) -> Done:
    if work.bearings is not None:
        manager.use_bearings(work.bearings)
    events.clear()
    requests = [Request(partial(_call, method, arguments)) for method, arguments in work.calls]
    if requests:
        carry_out(manager, requests)
    answers = [(request.result, _sendable(request.error)) for request in requests]
    return Done(answers, list(events))


def _call(method: Callable[..., Any], arguments: tuple[Any, ...], manager: Manager) -> Any:
    return method(manager, *arguments)


def _sendable(error: Exception | None) -> Exception | None:
    """The error, or one that says the same if it cannot travel."""
    if error is None:
        return None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - pickle raises whatever the error's own code raises
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
