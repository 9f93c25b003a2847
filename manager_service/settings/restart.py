"""Whether a Manager could start again with what its configuration says now.

What is tried here is what would keep it from starting; it is better to hear of that while it runs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from flamenco_core.config import Authentication, Config
from flamenco_core.errors import Conflict, FlamencoError, InvalidInput, Problem
from flamenco_core.manager import Manager
from flamenco_core.manager.lock import FarmLock, refuse_network_file_system
from manager_service.https.certificates import load_certificate
from manager_service.listen_address import parse_listen
from manager_service.reading import ReaderPool
from manager_service.settings.limited_work import within
from manager_service.settings.live_configuration import LiveConfiguration

TIME_LIMIT = timedelta(seconds=15)
"""For folders to answer."""


async def refuse_bad_restart(configuration: LiveConfiguration, readers: ReaderPool) -> None:
    """Raises `Conflict`, with all that is wrong, if it would end and not come back."""
    running, wanted = configuration.running, configuration.wanted.with_located_paths()
    problems = [*configuration.problems, *_of_listening(running, wanted)]
    problems += await _of_folders(running, wanted)
    problems += await asyncio.to_thread(_of_certificate, wanted)
    problems += await _of_farm(running, wanted, readers)
    if problems:
        raise Conflict("The Manager could not start again", problems=problems)


async def _of_farm(running: Config, wanted: Config, readers: ReaderPool) -> list[Problem]:
    """Another file has to be a farm, or not there yet; with accounts, it needs an admin."""
    if wanted.database_file.resolve() == running.database_file.resolve():
        has_admin = await readers.read(lambda reader: reader.has_admin())
    else:
        try:
            has_admin = await within(TIME_LIMIT, lambda: _is_farm_with_admin(wanted))
        except FlamencoError as error:
            return [Problem("database", error.message)]
        except TimeoutError:
            return [Problem("database", f"{wanted.database_file} does not answer")]
    if wanted.authentication is Authentication.LOCAL and not has_admin:
        what = "nobody could log in who may make accounts"
        hint = "make an admin: flamenco-manager user add NAME --role admin"
        return [Problem("authentication", what, hint)]
    return []


def _is_farm_with_admin(wanted: Config) -> bool:
    """Raises `FlamencoError` for a file that cannot be used, or that another program runs."""
    file = wanted.database_file
    refuse_network_file_system(file)
    if not file.exists():
        return False
    with Manager.open(file, config=wanted, read_only=True) as farm:
        FarmLock(file, address="").release()
        return farm.has_admin()


async def _of_folders(running: Config, wanted: Config) -> list[Problem]:
    folders = {
        "database": (running.database_file.parent, wanted.database_file.parent),
        "local_manager_storage_path": (running.local_storage, wanted.local_storage),
        "shared_storage_path": (running.shared_storage, wanted.shared_storage),
    }
    changed = {name: new for name, (old, new) in folders.items() if new != old}
    try:
        return await within(TIME_LIMIT, lambda: list(_of_making(changed)))
    except TimeoutError:
        return [Problem(", ".join(changed), "the folders do not answer")]


def _of_making(folders: dict[str, Path]) -> Iterator[Problem]:
    """They are made, as the start would do it."""
    for name, folder in folders.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            yield Problem(name, f"the folder {folder} cannot be made: {error.strerror}")


def _of_certificate(wanted: Config) -> list[Problem]:
    tls = wanted.tls
    if tls.certificate is None or tls.key is None:
        return []
    try:
        load_certificate(wanted.absolute(tls.certificate), wanted.absolute(tls.key))
    except FlamencoError as error:
        return list(error.problems) or [Problem("tlscert", error.message)]
    return []


def _of_listening(running: Config, wanted: Config) -> list[Problem]:
    """Ports that it listens on already will be free again by then."""
    addresses = {"listen": wanted.listen}
    if wanted.tls.has_certificate or wanted.tls.acme_domain_name:
        addresses["listen_https"] = wanted.tls.listen
    own = {parse_listen(text).port for text in (running.listen, running.tls.listen) if text}
    problems: list[Problem] = []
    for name, address in addresses.items():
        if not address or parse_listen(address).port in own:
            continue
        try:
            _try_listening(address)
        except InvalidInput as error:
            problems += error.problems
        except OSError as error:
            what = f"nothing can listen on {address}: {error.strerror or error}"
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
