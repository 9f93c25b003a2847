"""Storing jobs that take many transactions, with a client that leaves and a disk that fills up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import Conflict, Unavailable
from flamenco_core.manager import Actor, Manager
from flamenco_core.model import JobStorageInfo, SubmittedJob
from flamenco_core.store.reader import FarmReader
from manager_service.submissions import Submissions
from manager_service.write_thread import WriteThread

REPEATS = 5000
TESTER = Actor.person("tester")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[WriteThread]:
    thread = WriteThread(lambda: Manager.open(tmp_path / "farm.sqlite"))
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def reader(farm: WriteThread, tmp_path: Path) -> Iterator[FarmReader]:
    with FarmReader.open(tmp_path / "farm.sqlite", log_storage=tmp_path) as opened:
        yield opened


def large_job(checkout: str | None = None) -> SubmittedJob:
    return SubmittedJob(
        storage=JobStorageInfo(shaman_checkout_id=checkout),
        name="many small tasks",
        type="echo-sleep-test",
        submitter_platform="linux",
        settings={"message": "x", "sleep_repeats": REPEATS},
    )


async def until_construction_begins(reader: FarmReader) -> None:
    while not reader.jobs():
        await asyncio.sleep(0)
    assert reader.jobs()[0]["status"] == "under-construction"


def test_a_large_job_is_served_between_and_appears_whole(
    farm: WriteThread, reader: FarmReader, tmp_path: Path
) -> None:
    async def scenario() -> dict[str, Any]:
        submissions = Submissions(farm, tmp_path / "scripts")
        job = await submissions.compile(large_job())
        storing = asyncio.create_task(submissions.store(job, TESTER))
        await until_construction_begins(reader)
        assert await farm.run(lambda manager: manager.farm_id)
        assert not storing.done(), "another request was served before all was stored"
        await storing
        await submissions.stop()
        return reader.job(job.id)

    stored = asyncio.run(scenario())
    assert stored["status"] == "queued"
    assert stored["task_counts"] == {"queued": REPEATS + 1}


def test_a_job_whose_client_has_gone_is_stored_all_the_same(
    farm: WriteThread, reader: FarmReader, tmp_path: Path
) -> None:
    async def scenario() -> dict[str, Any]:
        submissions = Submissions(farm, tmp_path / "scripts")
        job = await submissions.compile(large_job())
        request = asyncio.create_task(submissions.store(job, TESTER))
        await until_construction_begins(reader)
        request.cancel()
        await asyncio.wait([request])
        assert request.cancelled()
        await submissions.stop()  # waits for what is being stored
        return reader.job(job.id)

    stored = asyncio.run(scenario())
    assert stored["status"] == "queued"
    assert stored["task_counts"] == {"queued": REPEATS + 1}


def test_a_job_that_the_disk_has_no_room_for_leaves_nothing_behind(
    farm: WriteThread, reader: FarmReader, tmp_path: Path
) -> None:
    def limit_pages(manager: Manager) -> None:
        pages = manager._db.execute("PRAGMA page_count").fetchone()[0]
        manager._db.execute(f"PRAGMA max_page_count = {pages + 200}")

    async def scenario() -> None:
        submissions = Submissions(farm, tmp_path / "scripts")
        job = await submissions.compile(large_job())
        await farm.run(limit_pages)
        with pytest.raises(Unavailable):
            await submissions.store(job, TESTER)
        await submissions.stop()

    asyncio.run(scenario())
    assert reader.jobs() == []


@pytest.mark.parametrize("leaves", [False, True])
def test_a_checkout_stays_while_a_job_is_stored_with_it(
    farm: WriteThread, reader: FarmReader, tmp_path: Path, leaves: bool
) -> None:
    async def scenario() -> None:
        submissions = Submissions(farm, tmp_path / "scripts")
        request = asyncio.create_task(submissions.submit(large_job("shot"), TESTER))
        await until_construction_begins(reader)
        if leaves:  # the client
            request.cancel()
            await asyncio.wait([request])
        with (
            pytest.raises(Conflict, match="is being submitted with"),
            submissions.checkouts.erasing("shot"),
        ):
            pytest.fail("it was erased")
        with submissions.checkouts.erasing("another"):
            pass
        await submissions.stop()
        await asyncio.wait([request])
        with submissions.checkouts.erasing("shot"):
            assert reader.jobs()[0]["status"] == "queued", "who erases can see who uses it"

    asyncio.run(scenario())


def test_no_job_is_stored_with_a_checkout_that_is_being_erased(
    farm: WriteThread, reader: FarmReader, tmp_path: Path
) -> None:
    async def scenario() -> None:
        submissions = Submissions(farm, tmp_path / "scripts")
        with submissions.checkouts.erasing("shot"):
            with pytest.raises(Conflict, match="ask for a new one"):
                await submissions.submit(large_job("shot"), TESTER)
            with (
                pytest.raises(Conflict, match="removed already"),
                submissions.checkouts.erasing("shot"),
            ):
                pytest.fail("it was erased twice at once")
        assert reader.jobs() == []
        await submissions.submit(large_job("shot"), TESTER)
        await submissions.stop()

    asyncio.run(scenario())
    assert len(reader.jobs()) == 1
