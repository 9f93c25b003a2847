"""The program `flamenco-worker`."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from flamenco_core.errors import FlamencoError
from flamenco_core.log_lines import TextLines, WithPriority, form_for
from flamenco_core.version import current_version
from flamenco_worker.config import CONFIG_NAME, WorkerConfig, load_config
from flamenco_worker.host import locked_home

log = logging.getLogger(__name__)

_ONE_DASH = re.compile(r"-[a-z][a-z-]+")
STOP_EVERY_SECONDS = 0.3
EXIT_CODE_AT_ONCE = 130
_NEEDED = {"PIL": "Pillow", "OpenImageIO": "OpenImageIO", "psutil": "psutil"}


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; exits with 0, the restart exit code, 1 on errors, 2 on wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(_with_two_dashes(given))
    _set_up_logging(options)
    missing = [name for module, name in _NEEDED.items() if not importlib.util.find_spec(module)]
    if missing:
        sys.exit(
            f"flamenco-worker needs {', '.join(missing)}, which the extra [worker] brings: "
            "pip install 'flamenco-python[worker]'"
        )
    try:
        config = load_config(
            config_file=options.config,
            home=options.home,
            manager_url=options.manager,
            worker_name=options.name,
            restart_exit_code=options.restart_exit_code,
        )
        if options.find_manager:
            sys.exit(_print_managers(config))
        with locked_home(config.home):
            config = config if config.manager_url else _with_found_manager(config)
            if options.flush:
                sys.exit(_flush(config))
            if options.test:
                sys.exit(_test(config))
            exit_code = _run(config, only_one_task=options.single)
    except FlamencoError as error:
        sys.exit(f"flamenco-worker: {error}")
    except KeyboardInterrupt:  # before the worker looks after signals itself
        sys.exit(EXIT_CODE_AT_ONCE)
    sys.exit(exit_code)


def _print_managers(config: WorkerConfig) -> int:
    """The exit code: 0 if there are any."""
    from flamenco_worker.finding import list_managers

    found = list_managers(config)
    for manager in found:
        print(manager, flush=True)
    if not found:
        log.warning("no Manager can be found in the local network")
    return 0 if found else 1


def _flush(config: WorkerConfig) -> int:
    from flamenco_worker.flushing import flush

    sent = flush(config)
    log.info("sent %d updates and images that were waiting", sent)
    return 0


def _test(config: WorkerConfig) -> int:
    """The exit code: 0 if tasks would find all they need."""
    from flamenco_worker.process import kill_all
    from flamenco_worker.self_test import try_machine

    try:
        return 0 if try_machine(config, partial(print, flush=True)) else 1
    finally:
        kill_all()


def _with_found_manager(config: WorkerConfig) -> WorkerConfig:
    from flamenco_worker.finding import find_manager

    return replace(config, manager_url=find_manager(config))


def _run(config: WorkerConfig, *, only_one_task: bool) -> int:
    """Runs the worker in a thread of its own, so that signals find this one free to act."""
    from flamenco_worker.worker import Worker

    worker = Worker(config, only_one_task=only_one_task)
    log.info("flamenco-worker %s for %s", current_version().shown, config.manager_url)
    results: list[int | BaseException] = []

    def live() -> None:
        try:
            results.append(worker.run())
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            results.append(error)

    wanted = _StopSignals(lambda: worker.has_task)
    thread = threading.Thread(target=live, name="worker")
    thread.start()
    while thread.is_alive():
        thread.join(STOP_EVERY_SECONDS)
        if wanted.reason:
            worker.stop(wanted.reason)
    result = results[0]
    if isinstance(result, BaseException):
        raise result
    return result


class _StopSignals:
    """The first Ctrl+C (or SIGTERM) asks the worker to end in good order, the second ends it."""

    def __init__(self, has_task: Callable[[], bool]) -> None:
        self._has_task = has_task
        self.reason = ""
        for number in _stop_signals():
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.reason:
            from flamenco_worker.process import kill_all

            kill_all()
            os._exit(EXIT_CODE_AT_ONCE)
        self.reason = f"the worker ends ({signal.Signals(number).name})"
        # No logging here: the signal may have come in the middle of a log call.
        now = b"handing back the task" if self._has_task() else b"ending, no task is running"
        os.write(2, b"flamenco-worker: %s; once more to end at once\n" % now)


def _stop_signals() -> list[signal.Signals]:
    """SIGHUP is what a closed terminal sends, SIGBREAK what Windows has instead."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    return [signal.Signals[name] for name in names if name in signal.Signals.__members__]


def _set_up_logging(options: argparse.Namespace) -> None:
    level = logging.WARNING if options.quiet else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    form = form_for(sys.stderr, os.environ)
    lines = TextLines(form)
    handler.setFormatter(WithPriority(lines) if form.is_for_journal else lines)
    logging.basicConfig(level=logging.DEBUG if options.debug else level, handlers=[handler])
    logging.getLogger("PIL").setLevel(logging.WARNING)


_OPTIONS: tuple[tuple[list[str], dict[str, Any]], ...] = (
    (
        ["--manager"],
        {
            "metavar": "URL",
            "help": "address of the Manager (default: the one in the local network)",
        },
    ),
    (
        ["--find-manager"],
        {"action": "store_true", "help": "print the Managers that can be found, and end"},
    ),
    (
        ["--flush"],
        {
            "action": "store_true",
            "help": "send what earlier runs could not, take no task, and end; exit code 1 if "
            "something is left",
        },
    ),
    (
        ["-t", "--test"],
        {
            "action": "store_true",
            "help": "try what tasks will need of this machine, take none, and end; exit code 1 if "
            "something does not work",
        },
    ),
    (
        ["--home"],
        {"metavar": "DIR", "type": Path, "help": "folder of this worker's identity and queue"},
    ),
    (["-c", "--config"], {"metavar": "FILE", "type": Path, "help": "configuration file to use"}),
    (["--name"], {"help": "name of this worker (default: the name of this machine)"}),
    (["-1", "--single"], {"action": "store_true", "help": "end after one task"}),
    (
        ["--restart-exit-code"],
        {
            "metavar": "N",
            "type": int,
            "choices": range(256),
            "help": "end with this when the Manager asks for a restart; 0: it cannot ask",
        },
    ),
)


def _with_two_dashes(arguments: Sequence[str]) -> list[str]:
    """Flamenco 3's worker also takes one: `-manager URL`."""
    return [f"-{each}" if _ONE_DASH.match(each) else each for each in arguments]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flamenco-worker",
        description="Renders for a Flamenco Manager: asks it for tasks and runs them.",
        epilog=f"Settings are also read from {CONFIG_NAME}; what is given here wins.",
    )
    for names, details in _OPTIONS:
        parser.add_argument(*names, **details)
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="log warnings and errors only")
    volume.add_argument(
        "--debug",
        "--trace",
        "-v",
        "--verbose",
        action="store_true",
        help="log everything",
    )
    parser.add_argument(
        "-V",
        "--version",
        action="version",
        version=f"flamenco-worker {current_version().shown}",
    )
    return parser


if __name__ == "__main__":
    main()
