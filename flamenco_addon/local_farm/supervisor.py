"""Runs a Manager and a Worker on this computer for as long as a Blender wants them.

It prints its state as JSON, one object a line, whenever it changes: `state` (`preparing`,
`starting`, `running`, `stopping`, `stopped`, `failed`), `message`, and what `Status` has. It reads
what Blender wants: `{"stop": true}`, or `{"goes_on": true}` for going on when no Blender is left.
The end of its input means that this Blender is gone.

Only one supervisor runs a farm. Another one that is started for the same farm, by a second Blender
or the next day, passes messages between its Blender and the one that runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from flamenco_core.client import AccountsClient, ManagerRefused, ManagerUnreachable
from flamenco_core.client.credentials_file import StoredToken, store_token
from flamenco_core.errors import FarmLocked, FlamencoError
from flamenco_core.manager.lock import FarmLock
from flamenco_core.statuses import WorkerStatus

from .bootstrap import remove_others
from .farm_files import FarmFiles
from .keeping import USER, FarmMemory, read_memory, with_free_port, write_memory
from .programs import MANAGER, WORKER, Program, run_to_end

START_LIMIT = timedelta(seconds=120)
"""A first start from a slow disk takes its time."""
LOOK_INTERVAL = timedelta(seconds=3)
"""Between two looks at how the worker is doing."""
_MANAGER_GRACE = timedelta(seconds=20)
_CONNECT_LIMIT = 10


@dataclass(frozen=True, slots=True)
class FarmWishes:
    """What the Blender that starts the farm wants."""

    home: Path
    storage: Path
    """For the files of jobs, and by default what they render."""
    blender: str
    """The program to render with."""
    goes_on: bool
    """When no Blender is left."""


@dataclass(frozen=True, slots=True)
class Status:
    state: str
    message: str = ""
    url: str = ""
    """Of the Manager; empty until it answers."""
    user: str = ""
    password: str = ""
    """For the Manager's pages."""
    worker: str = ""
    """The worker's status, such as `awake`."""
    goes_on: bool = False
    supervisor: int = 0
    """Process ids."""
    manager: int = 0


class _StopWanted(Exception):
    pass


class _Failed(Exception):
    pass


def supervise(start: Mapping[str, Any], paths: Sequence[str]) -> None:
    """Runs the farm, or connects with who does, until it ends or its Blender does."""
    wishes = FarmWishes(
        Path(start["home"]), Path(start["storage"]), start["blender"], bool(start["goes_on"])
    )
    wishes.home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _CONNECT_LIMIT
    while True:
        try:
            lock = FarmLock(wishes.home / "farm", address="")
        except FarmLocked as locked:
            if _passed_on(wishes) or time.monotonic() > deadline:
                if time.monotonic() > deadline:
                    _print(asdict(Status("failed", str(locked))))
                return
            time.sleep(0.2)  # the other one is about to listen, or to end
            continue
        except FlamencoError as error:
            _print(asdict(Status("failed", str(error))))
            return
        try:
            if start["wheels"]:  # and no farm of an older version runs
                remove_others(Path(paths[0]))
            Supervisor(wishes, paths).run()
        finally:
            lock.release()
        return


class Supervisor:
    def __init__(self, wishes: FarmWishes, paths: Sequence[str]) -> None:
        self._wishes = wishes
        self._paths = [*paths]
        self._files = FarmFiles(wishes.home, wishes.storage)
        self._status = Status("starting", goes_on=wishes.goes_on)
        self._said: queue.SimpleQueue[tuple[IO[str], dict[str, Any] | None]] = queue.SimpleQueue()
        self._blenders: dict[IO[str], IO[str]] = {sys.stdin: sys.stdout}
        """Where each Blender speaks, and where it listens."""
        self._lock = threading.Lock()
        self._manager: Program | None = None
        self._worker: Program | None = None
        self._key = secrets.token_urlsafe(24)

    def run(self) -> None:
        threading.Thread(target=self._listen_to, args=(sys.stdin,), daemon=True).start()
        server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()
        last = Status("stopped")
        try:
            self._start(server.getsockname()[1])
            self._watch()
        except _StopWanted:
            pass
        except _Failed as failed:
            last = Status("failed", str(failed))
        except (OSError, FlamencoError) as error:
            last = Status("failed", f"The farm cannot run: {error}")
        finally:
            server.close()
            self._stop()
            self._become(last)

    def _start(self, control_port: int) -> None:
        self._become(replace(self._status, message="Starting the Manager …"))
        memory = with_free_port(read_memory(self._wishes.home))
        memory = replace(memory, control_port=control_port, control_key=self._key)
        write_memory(self._wishes.home, memory)
        self._files.write_configuration(self._wishes.blender, memory.registration_secret)
        memory = self._with_account(memory)
        self._manager = self._manager_on(memory.port)
        url = f"http://127.0.0.1:{memory.port}"
        with AccountsClient(url, token=memory.token) as client:
            self._wait_until(lambda: _answers(client), self._manager)
            self._keep_token(client, memory)
            self._become(replace(self._status, message="Starting the Worker …"))
            self._worker = self._worker_for(url, memory.registration_secret)
            self._wait_until(lambda: _worker_status(client) is not None, self._worker)
        self._become(
            replace(
                self._status,
                state="running",
                message="",
                url=client.url,
                user=USER,
                password=memory.password,
                worker=WorkerStatus.AWAKE.value,
                manager=self._manager.pid,
            )
        )

    def _with_account(self, memory: FarmMemory) -> FarmMemory:
        """An account for this computer's user; nobody else on it gets into the farm."""
        if memory.token and self._files.database.exists():
            return memory
        places = [f"--home={self._files.manager}"]
        user = [*places, "user"]
        with contextlib.suppress(OSError):  # there is one, whose token got lost
            run_to_end(
                MANAGER,
                [*user, "add", USER, "--role", "admin"],
                paths=self._paths,
                input_text=memory.password,
            )
        run_to_end(MANAGER, [*user, "passwd", USER], paths=self._paths, input_text=memory.password)
        purpose = ["--purpose", "Blender on this computer"]
        token = run_to_end(MANAGER, [*user, "token", USER, *purpose], paths=self._paths)
        memory = replace(memory, token=token.splitlines()[-1])
        write_memory(self._wishes.home, memory)
        return memory

    def _keep_token(self, client: AccountsClient, memory: FarmMemory) -> None:
        """Where everything that talks to Managers looks for tokens."""
        try:
            (known, *_) = client.fetch_tokens()
        except ManagerRefused as refusal:
            write_memory(self._wishes.home, replace(memory, token=""))
            raise _Failed(f"The farm has forgotten its user ({refusal}); start it again") from None
        store_token(client.url, StoredToken(known.id, USER, memory.token))

    def _manager_on(self, port: int) -> Program:
        arguments = [f"--home={self._files.manager}", f"--listen=127.0.0.1:{port}"]
        log = self._files.log("manager")
        return Program("Manager", MANAGER, arguments, paths=self._paths, log=log)

    def _worker_for(self, url: str, registration_secret: str) -> Program:
        secret = {"FLAMENCO_WORKER_REGISTRATION_SECRET": registration_secret}
        arguments = [f"--home={self._files.worker}", f"--manager={url}", "--name=This computer"]
        log = self._files.log("worker")
        return Program("Worker", WORKER, arguments, paths=self._paths, log=log, environment=secret)

    def _watch(self) -> None:
        """Returns never; `_StopWanted` and `_Failed` end it."""
        memory = read_memory(self._wishes.home)
        with AccountsClient(self._status.url, token=memory.token) as client:
            while True:
                self._pump(LOOK_INTERVAL)
                with contextlib.suppress(ManagerRefused, ManagerUnreachable):
                    status = _worker_status(client)
                    self._become(replace(self._status, worker=status.value if status else ""))

    def _wait_until(self, is_so: Any, program: Program) -> None:
        deadline = time.monotonic() + START_LIMIT.total_seconds()
        while not is_so():
            if time.monotonic() > deadline:
                raise _Failed(f"The {program.name} does not come up; see {program.log}")
            self._pump(timedelta(seconds=0.1))

    def _pump(self, duration: timedelta) -> None:
        """Does what Blenders say, for that long. Raises `_StopWanted`, `_Failed`."""
        deadline = time.monotonic() + duration.total_seconds()
        while True:
            for program in (self._manager, self._worker):
                if program is not None and not program.is_running:
                    words = program.last_words()
                    raise _Failed(f"The {program.name} has ended:\n{words}")
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                source, said = self._said.get(timeout=min(left, 0.5))
            except queue.Empty:
                continue
            self._obey(source, said)

    def _obey(self, source: IO[str], said: dict[str, Any] | None) -> None:
        if said is None:
            with self._lock:
                self._blenders.pop(source, None)
                is_alone = not self._blenders
            if source is sys.stdin:
                _let_go_of_first_blender()
            if is_alone and not self._status.goes_on:
                raise _StopWanted
            return
        if said.get("stop"):
            raise _StopWanted
        if "goes_on" in said:
            self._become(replace(self._status, goes_on=bool(said["goes_on"])))

    def _become(self, status: Status) -> None:
        self._status = replace(status, supervisor=os.getpid())
        with self._lock:
            listeners = [*self._blenders.values()]
        for listener in listeners:
            _print(asdict(self._status), listener)

    def _stop(self) -> None:
        if self._worker or self._manager:
            self._become(replace(self._status, state="stopping", message="Stopping …"))
        # The worker hands back its task while there is a Manager to take it.
        for program in (self._worker, self._manager):
            if program is not None:
                program.end()

    def _listen_to(self, source: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in source:
                said = json.loads(line)
                if isinstance(said, dict):
                    self._said.put((source, said))
        self._said.put((source, None))

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._welcome, args=(connection,), daemon=True).start()

    def _welcome(self, connection: socket.socket) -> None:
        """Another Blender; it has read the key in a file that only this user can read."""
        connection.settimeout(_CONNECT_LIMIT)
        source = connection.makefile("r", encoding="utf-8")
        listener = connection.makefile("w", encoding="utf-8")
        with connection, source, listener, contextlib.suppress(OSError, ValueError):
            said = json.loads(source.readline())
            if not secrets.compare_digest(str(said.get("key")), self._key):
                return
            connection.settimeout(None)
            with self._lock:
                self._blenders[source] = listener
            self._said.put((source, {"goes_on": said["goes_on"]}))
            _print(asdict(self._status), listener)
            self._listen_to(source)


def _answers(client: AccountsClient) -> bool:
    try:
        client.get_version()
    except ManagerUnreachable:
        return False
    return True


def _worker_status(client: AccountsClient) -> WorkerStatus | None:
    """Of the worker, once it has signed on in this run."""
    workers = client.fetch_workers()
    up = (WorkerStatus.AWAKE, WorkerStatus.ASLEEP, WorkerStatus.ERROR, WorkerStatus.TESTING)
    return next((worker.status for worker in workers if worker.status in up), None)


def _passed_on(wishes: FarmWishes) -> bool:
    """Stands between this Blender and the supervisor that runs; False if it does not answer."""
    memory = read_memory(wishes.home)
    if not memory.control_port:
        return False
    try:
        connection = socket.create_connection(
            ("127.0.0.1", memory.control_port), timeout=_CONNECT_LIMIT
        )
    except OSError:
        return False
    with connection:
        connection.settimeout(None)
        greeting = {"key": memory.control_key, "goes_on": wishes.goes_on}
        connection.sendall(json.dumps(greeting).encode() + b"\n")

        def pass_on() -> None:
            with contextlib.suppress(OSError):
                for line in sys.stdin:
                    connection.sendall(line.encode())
                connection.shutdown(socket.SHUT_WR)

        threading.Thread(target=pass_on, daemon=True).start()
        has_answered = False
        with connection.makefile("r", encoding="utf-8") as answers, contextlib.suppress(OSError):
            for line in answers:
                has_answered = True
                print(line, end="", flush=True)
    return has_answered


def _let_go_of_first_blender() -> None:
    """It hears from its pipe that it is not spoken to any more, and nothing waits for it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _print(content: Mapping[str, Any], listener: IO[str] | None = None) -> None:
    with contextlib.suppress(OSError, ValueError):  # that Blender is gone
        print(json.dumps(content), file=listener or sys.stdout, flush=True)
