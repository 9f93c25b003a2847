"""`ManagerClient` follows a real Manager, over lines that break."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.client.events import EventStream, FarmEvent, ReadAgain
from flamenco_core.config import Tls
from flamenco_core.model import EventJobUpdate, WorkerTag
from tests.eventually import eventually
from tests.manager_service.https.authority import Authority, write_pair
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.realtime.interrupted_line import InterruptedLine
from tests.manager_service.running_manager import TIME_LIMIT, RunningManager

LIMIT = timedelta(seconds=TIME_LIMIT)


@pytest.fixture
def line(manager: RunningManager) -> Iterator[InterruptedLine]:
    with InterruptedLine(manager.port) as made:
        yield made


def client_of(port: int) -> ManagerClient:
    return ManagerClient(f"http://127.0.0.1:{port}")


def until(stream: EventStream, is_it: Callable[[Any], bool]) -> list[FarmEvent | ReadAgain]:
    """All events up to the one that fits."""
    events: list[FarmEvent | ReadAgain] = []
    while True:
        event = stream.next(LIMIT)
        assert event is not None, events
        events.append(event)
        if is_it(event):
            return events


def until_named(stream: EventStream, name: str) -> list[FarmEvent | ReadAgain]:
    return until(stream, lambda event: name in names([event]))


def names(events: list[FarmEvent | ReadAgain]) -> set[str | None]:
    return {event.data.name for event in events if isinstance(event, FarmEvent)}


def test_events_come_as_values_of_the_model(manager: RunningManager) -> None:
    with client_of(manager.port) as client, client.follow("jobs") as stream:
        job = manager.submit(name="shot 5")
        event = next(stream)
    assert isinstance(event, FarmEvent)
    assert (event.type, event.topics) == ("job", ("jobs", f"jobs/{job['id']}"))
    assert isinstance(event.data, EventJobUpdate)
    assert event.data.task_counts == {"queued": 2}


def test_nothing_happens_for_a_while_and_then_something_does(manager: RunningManager) -> None:
    with client_of(manager.port) as client, client.follow("jobs") as stream:
        assert stream.next(timedelta(milliseconds=100)) is None
        manager.submit(name="late")
        assert names(until(stream, lambda event: isinstance(event, FarmEvent))) == {"late"}


def test_after_a_cut_line_what_was_missed_comes(
    manager: RunningManager, line: InterruptedLine
) -> None:
    with client_of(line.port) as client, client.follow("jobs") as stream:
        manager.submit(name="before")
        until(stream, lambda event: event.data.status == "queued")
        for name in ("missed 1", "missed 2", "missed 3"):
            line.cut()
            manager.submit(name=name)
            events = until_named(stream, name)
            assert "before" not in names(events)
            assert not any(isinstance(event, ReadAgain) for event in events)


def test_after_a_restart_of_the_manager_one_is_told_to_read_again(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with RunningManager(tmp_path / "farm") as first:
            line = stack.enter_context(InterruptedLine(first.port))
            client = stack.enter_context(client_of(line.port))
            stream = stack.enter_context(client.follow("jobs"))
        second = stack.enter_context(RunningManager(tmp_path / "farm"))
        line.target = second.port
        until(stream, lambda event: event == ReadAgain(("jobs",)))
        second.submit(name="after")
        until_named(stream, "after")
        stream.close()


def is_in_trouble(stream: EventStream) -> bool:
    assert stream.next(timedelta(milliseconds=100)) is None
    return bool(stream.trouble)


def test_a_stream_says_why_it_has_no_connection_until_it_has_one_again(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with RunningManager(tmp_path / "farm") as first:
            line = stack.enter_context(InterruptedLine(first.port))
            client = stack.enter_context(client_of(line.port))
            stream = stack.enter_context(client.follow("jobs"))
            assert stream.trouble == ""
            assert stream.silence < LIMIT
        eventually(lambda: is_in_trouble(stream))
        assert stream.trouble.startswith(("The connection has ended", "The Manager at"))
        second = stack.enter_context(RunningManager(tmp_path / "farm"))
        line.target = second.port
        until(stream, lambda event: event == ReadAgain(("jobs",)))
        assert stream.trouble == ""
        stream.close()


def test_a_log_is_followed_from_its_beginning_over_attempts_and_cut_lines(
    manager: RunningManager, line: InterruptedLine
) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    report(manager, worker, task, log="before anybody looked: ü")
    with client_of(line.port) as client:
        pieces = client.follow_task_log(task)
        text = next(pieces)
        assert "before anybody looked: ü\n" in text
        for number in range(4):
            if number % 2:
                line.cut()
            report(manager, worker, task, log=f"line {number} äöü")
            while f"line {number} äöü" not in text:
                text += next(pieces)
        report(manager, worker, task, taskStatus="completed")
        change = {"status": "queued", "reason": "once more"}
        assert manager.post(f"/tasks/{task}/setstatus", change).status == 204
        assert take_task(manager, worker)["uuid"] == task
        report(manager, worker, task, log="second attempt")
        while "second attempt" not in text:
            text += next(pieces)
        pieces.close()  # type: ignore[attr-defined]
    assert text.encode() == manager.get(f"/tasks/{task}/log.txt").content


def test_a_log_that_outgrows_an_event_is_followed_without_a_gap(
    manager: RunningManager, line: InterruptedLine
) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    with client_of(line.port) as client:
        pieces = client.follow_task_log(task)
        text = next(pieces)
        report(manager, worker, task, log="a long line of a log\n" * 40_000)
        report(manager, worker, task, log="the end")
        while "the end" not in text:
            text += next(pieces)
        pieces.close()  # type: ignore[attr-defined]
    assert text.encode() == manager.get(f"/tasks/{task}/log.txt").content


def test_a_part_of_an_attempts_log_can_be_fetched(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    with client_of(manager.port) as client:
        whole = client.fetch_attempt_log(task, 1)
        assert whole.startswith(b"20")
        assert client.fetch_attempt_log(task, 1, start=5) == whole[5:]
        assert client.fetch_attempt_log(task, 1, start=len(whole)) == b""
        assert client.fetch_attempt_log(task, 2) == b""


def test_closing_ends_the_waiting_of_another_thread(manager: RunningManager) -> None:
    got: list[list[FarmEvent | ReadAgain]] = []
    with client_of(manager.port) as client, client.follow("tags") as stream:
        thread = threading.Thread(target=lambda: got.append(list(stream)))
        thread.start()
        stream.close()
        thread.join(TIME_LIMIT)
    assert got == [[]]


def test_an_unknown_topic_is_refused_at_once(shared_manager: RunningManager) -> None:
    with client_of(shared_manager.port) as client:
        with pytest.raises(ManagerRefused) as refused:
            client.follow("weather")
        assert refused.value.status == 400
        assert [problem.where for problem in refused.value.problems] == ["topics[0]"]


def test_a_manager_that_is_not_there_is_said_to_be_unreachable() -> None:
    with client_of(1) as client, pytest.raises(ManagerUnreachable, match="is the Manager running"):
        client.follow("jobs")


def test_who_has_to_log_in_is_told_so(tmp_path: Path) -> None:
    add_people(tmp_path / "farm", ada="admin")
    with GuardedManager(tmp_path / "farm") as manager, client_of(manager.port) as client:
        with pytest.raises(ManagerRefused) as refused:
            client.follow("jobs")
        assert refused.value.status == 401


def test_events_can_be_followed_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority()
    certificate, key = write_pair(tmp_path, authority.issue("localhost"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.pem)
    tls = Tls(listen="127.0.0.1:0", key=key, certificate=certificate)
    with RunningManager(tmp_path / "farm", tls=tls) as manager:
        url = f"https://localhost:{manager.port}"
        with ManagerClient(url) as client, pytest.raises(ManagerUnreachable, match="certificate"):
            client.follow("jobs")
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with ManagerClient(url) as client, client.follow("tags") as stream:
            assert stream.next(timedelta(milliseconds=50)) is None
            tag = client.create_worker_tag(WorkerTag(name="GPU"))
            event = next(stream)
            assert isinstance(event, FarmEvent)
            assert event.data.tag == tag


def test_many_clients_hear_the_same(manager: RunningManager) -> None:
    with client_of(manager.port) as client:
        streams = [client.follow("jobs", "tasks") for _ in range(20)]
        job = manager.submit()
        manager.post(f"/jobs/{job['id']}/setpriority", {"priority": 61})
        heard = [until(stream, lambda event: event.data.priority == 61) for stream in streams]
        for stream in streams:
            stream.close()
    last = {events[-1].id for events in heard if isinstance(events[-1], FarmEvent)}
    assert len(last) == 1
    assert not any(isinstance(event, ReadAgain) for event in itertools.chain(*heard))
