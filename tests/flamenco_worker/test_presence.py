"""A person at the machine: seen through a real X server, and through devices; and what follows."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from flamenco_worker.input_idle import (
    InputDevicesIdle,
    SeveralIdle,
    XServerIdle,
    find_idle_source,
    mac_idle_seconds,
)
from flamenco_worker.presence import GRACE_FOR_A_PERSON, LOOK_EVERY, Presence
from tests.eventually import eventually
from tests.flamenco_worker.protocol_manager import PATIENCE, ProtocolManager, command, task_of
from tests.flamenco_worker.test_slots import OFFERS, TASKS, SlotWorkers, config
from tests.flamenco_worker.test_worker import is_completed

NEEDED = ("Xvfb", "xdotool")
ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="X servers and /dev/input are Linux's"
)
QUIET = timedelta(seconds=2)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An X server without a screen."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"apt-get install xvfb xdotool: {', '.join(missing)} is missing")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "320x240x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        name = f":{told.readline().strip()}"
    monkeypatch.setenv("DISPLAY", name)
    try:
        yield name
    finally:
        server.terminate()
        server.wait()


def move_the_mouse(steps: int = 1) -> None:
    subprocess.run(["xdotool", "mousemove_relative", "--", str(steps), "1"], check=True)


@contextmanager
def moving_the_mouse() -> Iterator[None]:
    """Once before the block, and again and again within."""
    is_over = threading.Event()

    def move() -> None:
        for step in itertools.cycle((-1, 1)):
            if is_over.wait(0.2):
                return
            move_the_mouse(step)

    move_the_mouse()
    mover = threading.Thread(target=move)
    mover.start()
    try:
        yield
    finally:
        is_over.set()
        mover.join()


@ON_LINUX
def test_an_x_server_tells_of_its_mouse(display: str) -> None:
    with XServerIdle(display) as source:
        eventually(lambda: source.idle_seconds() > 0.5)
        before = time.monotonic()
        move_the_mouse()
        idle = source.idle_seconds()
        assert idle < time.monotonic() - before, "it was moved since"


# The library leaves its sockets open then.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@ON_LINUX
def test_an_x_server_that_is_not_there_is_none_to_ask() -> None:
    with pytest.raises(OSError, match="X server"):
        XServerIdle(":987")


@ON_LINUX
def test_devices_tell_of_each_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "usb-event-kbd")
    os.mkfifo(tmp_path / "usb-other")
    now = [100.0]
    with InputDevicesIdle(tmp_path, clock=lambda: now[0]) as source:
        keyboard = os.open(tmp_path / "usb-event-kbd", os.O_WRONLY)
        now[0] = 130.0
        assert source.idle_seconds() == 30
        os.write(keyboard, b"a key")
        assert source.idle_seconds() == 0
        now[0] = 131.5
        assert source.idle_seconds() == 1.5
        assert SeveralIdle([source]).idle_seconds() == 1.5
        os.close(keyboard)


def test_a_machine_without_devices_to_read_has_no_such_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="can be read"):
        InputDevicesIdle(tmp_path)
    monkeypatch.setattr("flamenco_worker.input_idle.INPUT_DEVICES", tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    if sys.platform == "linux" and not Path("/dev/input/by-path").is_dir():
        assert find_idle_source() is None


def test_what_ioreg_says_is_understood() -> None:
    # As a Mac prints it, shortened.
    text = '  | {\n  |   "HIDIdleTime" = 2934085750\n  |   "HIDServiceSupport" = Yes\n  | }\n'
    assert mac_idle_seconds(text) == pytest.approx(2.934, abs=0.001)
    with pytest.raises(OSError, match="ioreg"):
        mac_idle_seconds("")


class Hands:
    """An idle source that a test steers."""

    def __init__(self) -> None:
        self.touched_at = float("-inf")

    def idle_seconds(self) -> float:
        return time.monotonic() - self.touched_at

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


def test_somebody_is_there_until_nobody_has_touched_anything_for_long_enough() -> None:
    hands = Hands()
    changes: list[bool] = []
    presence = Presence(
        timedelta(seconds=0.5), find_source=lambda: hands, look_every=timedelta(milliseconds=5)
    )
    with presence.watching(changes.append):
        assert not presence.is_used
        hands.touched_at = float("inf")  # again and again, that is
        eventually(lambda: presence.is_used)
        hands.touched_at = time.monotonic()
        presence.wait_until_unused(timedelta(seconds=PATIENCE))
        assert not presence.is_used
        eventually(lambda: changes == [True, False])


def test_a_machine_that_cannot_be_watched_works_at_any_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    presence = Presence(timedelta(minutes=1), find_source=lambda: None)
    with presence.watching(lambda _is_used: None):
        assert not presence.is_used
        assert not presence.is_on
    assert "cannot see whether somebody uses the machine" in caplog.text


@ON_LINUX
def test_a_person_who_comes_gets_the_machine_at_once_and_the_task_goes_back(
    display: str, tmp_path: Path
) -> None:
    # It lasts however often it is asked to end.
    stubborn = command(
        "exec", exe="/bin/sh", args=["-c", "trap '' TERM; sleep 60 & wait; sleep 60"]
    )
    with ProtocolManager() as manager:
        manager.offers = [*OFFERS]
        settings = config(tmp_path, manager, only_if_unused_for=QUIET)
        with ExitStack() as stack:
            with moving_the_mouse():
                stack.enter_context(SlotWorkers(settings))
                # A busy machine may be seen to be unused for a moment.
                manager.wait_for(lambda: leaves_it(manager) > 0, "the person to be seen")
            manager.hand_out(task_of(TASKS[0], stubborn))
            manager.wait_for(lambda: manager.statuses_of(TASKS[0]) == ["active"], "the task")
            before = leaves_it(manager)
            move_the_mouse()
            manager.wait_for(lambda: leaves_it(manager) > before, "the machine to be left")
            assert "stopped: someone works at this machine" in manager.log_of(TASKS[0])
            assert manager.statuses_of(TASKS[0]) == ["active"], "it has not failed"
            manager.hand_out(task_of(TASKS[1], command("echo", message="x")))
            manager.wait_for(is_completed(manager, TASKS[1]), "a task after the person has gone")


def leaves_it(manager: ProtocolManager) -> int:
    """How often a worker has said that it leaves the machine to a person."""
    told = [request.body for request in manager.requests("/state-changed")]
    return told.count({"status": "asleep", "reason": "someone works at this machine"})


class Person:
    """Sits down when a test says so; the worker can look once at that, and then not for long."""

    def __init__(self) -> None:
        self.is_there = False
        self.may_be_looked_at_again = threading.Event()
        self._looks = 0

    def idle_seconds(self) -> float:
        if not self.is_there:
            return float("inf")
        self._looks += 1
        if self._looks > 1:
            self.may_be_looked_at_again.wait(PATIENCE)
        return 0

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


def test_a_person_has_the_machine_before_the_worker_looks_again_or_the_manager_answers(
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pid.txt"
    script = f"trap '' TERM; echo $$ > '{pid_file}.new'; mv '{pid_file}.new' '{pid_file}'; "
    stubborn = command("exec", exe="/bin/sh", args=["-c", script + "sleep 60 & wait; sleep 60"])
    person = Person()
    presence = Presence(QUIET, find_source=lambda: person, look_every=timedelta(milliseconds=5))
    with ProtocolManager() as manager:
        manager.offers = [*OFFERS]
        manager.hand_out(task_of(TASKS[0], stubborn))
        with SlotWorkers(config(tmp_path / "home", manager), presence=presence):
            eventually(pid_file.exists)
            pid = int(pid_file.read_text())
            manager.fail = lambda _request: 503
            person.is_there = True
            try:
                eventually(lambda: not psutil.pid_exists(pid))
            finally:
                person.may_be_looked_at_again.set()
                manager.fail = lambda _request: None


def test_what_a_worker_waits_for_by_itself_is_less_than_two_seconds() -> None:
    assert timedelta(seconds=2) > LOOK_EVERY + GRACE_FOR_A_PERSON
