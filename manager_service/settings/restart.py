"""Whether a Manager could start again with what its configuration says now."""

from __future__ import annotations

import socket

from flamenco_core.config import Config
from flamenco_core.errors import Conflict, InvalidInput, Problem
from manager_service.listen_address import parse_listen
from manager_service.settings.live_configuration import LiveConfiguration


async def refuse_bad_restart(configuration: LiveConfiguration) -> None:
    """Raises `Conflict` if it would end and not come back."""
    problems = list(configuration.problems)
    problems += _of_listening(configuration.running, configuration.wanted)
    if problems:
        raise Conflict("The Manager could not start again", problems=problems)


def _of_listening(running: Config, wanted: Config) -> list[Problem]:
    """An address that it listens on already will be free again by then."""
    addresses = {"listen": (running.listen, wanted.listen)}
    if wanted.tls.has_certificate or wanted.tls.acme_domain_name:
        addresses["listen_https"] = (running.tls.listen, wanted.tls.listen)
    problems: list[Problem] = []
    for name, (present, future) in addresses.items():
        if not future or future == present:
            continue
        try:
            _try_listening(future)
        except InvalidInput as error:
            problems += error.problems
        except OSError as error:
            what = f"nothing can listen on {future}: {error.strerror or error}"
            problems.append(Problem(name, what, "choose another port"))
    return problems


def _try_listening(text: str) -> None:
    address = parse_listen(text)
    for family, kind, protocol, _name, place in socket.getaddrinfo(
        address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[:1]:
        with socket.socket(family, kind, protocol) as trial:
            # As servers do, so that connections that have just ended are no hindrance.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
            trial.listen()
