"""The configuration of a running Manager: what it runs with, what the file says, and how one
becomes the other.

What counts at once is taken over with each change of the file, whether it came over HTTP or by
hand. Everything else waits for the next start. A file that cannot be used changes nothing: the
Manager runs on with what it had, and says what is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from flamenco_core.config import Config, ConfigFile
from flamenco_core.config.fields import waiting_for_restart, with_live_fields
from flamenco_core.config.file import etag_of
from flamenco_core.config.view import sections_of, variables_of, worker_rules_of
from flamenco_core.errors import (
    Conflict,
    FlamencoError,
    InvalidInput,
    Problem,
    StorageError,
    WrongEtag,
)
from flamenco_core.file_stamp import FileStamp
from flamenco_core.model import ErrorProblem
from flamenco_core.model.configuration import ConfigurationReport, ConfigurationState
from manager_service.settings.changes import Changes
from manager_service.threads import Threads

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_PERIOD = timedelta(seconds=2)
"""How often the file is looked at for changes by hand."""

ANY_ETAG = "*"

TakeOver = Callable[[Config], Awaitable[None]]
Objections = Callable[[Config], Awaitable[Sequence[Problem]]]


class LiveConfiguration:
    """On the event loop's thread only; files are touched on others."""

    def __init__(
        self,
        config: Config,
        threads: Threads,
        take_over: TakeOver,
        *,
        objections: Objections | None = None,
        environment: Mapping[str, str] = os.environ,
        look_period: timedelta = LOOK_PERIOD,
    ) -> None:
        """`take_over` is called with each configuration that the Manager is to run with, and
        `objections` says before it is written what would keep the Manager from starting with it.
        """
        self.running = config.with_located_paths()
        """What the Manager runs with."""
        self.wanted = config
        """What the file and the environment say; of a file that is broken, what it said before."""
        self._problems: tuple[Problem, ...] = ()
        self._threads = threads
        self._take_over = take_over
        self._objections = objections
        self._environment = environment
        self._look_period = look_period
        self._seen: FileStamp | None = None
        self._etag = ""
        self._existed = False
        self._busy = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to watch the file. What changed since it was read is taken over first."""
        if self.wanted.file is not None:
            await self.look()
            self._watching = asyncio.create_task(self._watch(), name="watching the configuration")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
            self._watching = None
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def look(self) -> None:
        """Takes over what somebody has written into the file since it was read."""
        file = self.wanted.file
        if file is not None:
            await self._to_the_end(self._look(file))

    async def report(self) -> ConfigurationReport:
        """Everything that can be set, as the file and the environment say it now."""
        await self.look()
        config = self.wanted
        waiting = waiting_for_restart(self.running, config)
        return ConfigurationReport(
            state=ConfigurationState(
                file="" if config.file is None else str(config.file),
                exists=self._existed,
                etag=self._etag,
                waiting_for_restart=[key.path for key in waiting],
                problems=_as_sent(self._problems),
                warnings=_as_sent(config.warnings),
            ),
            sections=await self._threads.run(lambda: sections_of(config, waiting)),
            variables=variables_of(config),
            worker_settings=worker_rules_of(config),
        )

    async def change(
        self, describe: Callable[[Changes], None], *, etag: str = ANY_ETAG, only_check: bool = False
    ) -> list[str]:
        """Writes changes into the file, and takes over what counts at once.

        `describe` says what is wanted, of what there is now. Returns which settings were written.

        Raises:
            InvalidInput: with all problems; nothing has changed.
            WrongEtag: the file is not the one that was looked at.
            Conflict: there is no place for a file.
        """
        path = self._place()

        async def change() -> list[str]:
            await self._look(path)
            self._refuse_other(etag)
            if self._problems:
                raise InvalidInput(f"{path.name} has mistakes", problems=self._problems)
            changes = Changes(self.wanted)
            describe(changes)
            file, text = await self._threads.run(lambda: self._edited(path, changes))
            await self._refuse_objectionable(file, text)
            if not only_check:
                await self._replace(file, text)
            return changes.names

        return await self._to_the_end(change())

    async def replace(self, text: str, *, etag: str = ANY_ETAG, only_check: bool = False) -> None:
        """Makes `text` the file; raises what `change` does."""
        path = self._place()

        async def replace() -> None:
            await self._look(path)
            self._refuse_other(etag)
            file = await self._threads.run(lambda: self._opened(path))
            await self._refuse_objectionable(file, text)
            if not only_check:
                await self._replace(file, text)

        await self._to_the_end(replace())

    async def text(self) -> str:
        """What stands in the file."""
        path = self._place()
        return await self._threads.run(lambda: self._opened(path).text())

    @property
    def etag(self) -> str:
        """Of the file as it was seen last."""
        return self._etag

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the file cannot be used, if so."""
        return self._problems

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """One at a time; what has begun is ended even if whoever asked for it goes away, or the
        file would say one thing and the Manager do another.
        """

        async def alone() -> T:
            async with self._busy:
                return await work

        task = asyncio.create_task(alone())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # Nobody is left who could want to know how it ends.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    def _place(self) -> Path:
        if self.wanted.file is None:
            raise Conflict("This Manager runs without a configuration file, so none can be changed")
        return self.wanted.file

    def _refuse_other(self, etag: str) -> None:
        if etag not in (ANY_ETAG, self._etag):
            what = "somebody has changed the configuration since it was looked at"
            problem = Problem("header If-Match", what, "look at it again, then change it")
            raise WrongEtag("The configuration has changed", problems=[problem])

    async def _refuse_objectionable(self, file: ConfigFile, text: str) -> None:
        """Raises `InvalidInput` also for what is wrong with the text itself."""
        config = await self._threads.run(lambda: file.parsed(text))
        problems = await self._objections(config) if self._objections else ()
        if problems:
            raise InvalidInput("These changes cannot be made", problems=problems)

    def _opened(self, path: Path) -> ConfigFile:
        """The file without what stands in it, which may be broken."""
        return ConfigFile(path, home=self.wanted.home, environment=self._environment, read=False)

    def _edited(self, path: Path, changes: Changes) -> tuple[ConfigFile, str]:
        """Checks all, so that problems come together."""
        file = self._opened(path)
        problems = list(changes.problems)
        text = ""
        try:
            text = file.edited(changes.tree) if changes.tree else file.text()
            file.parsed(text)
        except InvalidInput as error:
            problems += error.problems
        if problems:
            raise InvalidInput("These changes cannot be made", problems=problems)
        return file, text

    async def _replace(self, file: ConfigFile, text: str) -> None:
        config = await self._threads.run(lambda: file.replace(text))
        self._etag, self._existed, self._problems = etag_of(text), True, ()
        self._seen = await self._threads.run(lambda: FileStamp.of(file.path))
        await self._use(config)

    async def _use(self, config: Config) -> None:
        self.wanted = config
        self.running = with_live_fields(self.running, config)
        await self._take_over(self.running)

    async def _look(self, path: Path) -> None:
        stamp = await self._threads.run(lambda: FileStamp.of(path))
        if stamp == self._seen:
            return
        is_first = self._seen is None and not self._etag
        try:
            if stamp is None and self._existed:
                raise StorageError(f"{path} is gone")
            text = await self._threads.run(lambda: self._opened(path).text())
            self._existed = stamp is not None
            if self._etag != (etag := etag_of(text)):
                self._etag = etag
                config = await self._threads.run(lambda: self._opened(path).parsed(text))
                self._problems = ()
                await self._use(config)
                if not is_first:
                    logger.info("%s has changed, and is used as far as it counts at once", path)
        except FlamencoError as error:
            self._problems = error.problems or (Problem(path.name, error.message),)
            logger.error("The configuration was changed and cannot be used: %s", error)  # noqa: TRY400
        self._seen = stamp

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._look_period.total_seconds())
            try:
                await self.look()
            except FlamencoError as error:
                logger.warning("The configuration could not be looked at: %s", error)
            except Exception:
                logger.exception("Looking at the configuration failed; it is tried again")


def _as_sent(problems: Iterable[Problem]) -> list[ErrorProblem]:
    return [ErrorProblem(where=each.where, what=each.what, hint=each.hint) for each in problems]
