"""Steering and explaining from the command line, with a real Manager."""

from __future__ import annotations

from pathlib import Path

from tests.eventually import eventually
from tests.flamenco_core.command_line.conftest import Program
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_operations import take_task, update

NOBODY = "00000000-0000-4000-8000-000000000000"


def status(farm: RunningManager, job: str) -> str:
    return str(farm.get(f"/jobs/{job}").json["status"])


def cancelled(farm: RunningManager) -> str:
    job: str = farm.submit()["id"]
    assert farm.post(f"/jobs/{job}/action", {"action": "cancel"}).status == 204
    eventually(lambda: status(farm, job) == "canceled")
    return job


def test_several_jobs_are_cancelled_by_the_beginnings_of_their_ids(
    flamenco: Program, farm: RunningManager
) -> None:
    jobs = [farm.submit()["id"] for _ in range(2)]
    beginnings = [job[:12] for job in jobs]
    rehearsed = flamenco("cancel", *beginnings, "--dry-run", manager=farm)
    assert (rehearsed.code, rehearsed.out) == (0, "2 of 2 jobs could be asked to cancel\n")
    assert status(farm, jobs[0]) == "queued"
    ended = flamenco("cancel", *beginnings, "--reason", "wrong scene", manager=farm)
    assert (ended.code, ended.out) == (0, "2 of 2 jobs were asked to cancel\n")
    eventually(lambda: [status(farm, job) for job in jobs] == ["canceled"] * 2)
    assert farm.get(f"/jobs/{jobs[0]}").json["activity"] == "wrong scene"


def test_who_cannot_is_named_with_the_reason_and_the_rest_is_done(
    flamenco: Program, farm: RunningManager
) -> None:
    done, queued = cancelled(farm), farm.submit()["id"]
    ended = flamenco("archive", done, queued, manager=farm)
    assert ended.code == 1
    assert ended.out == "1 of 2 jobs were asked to archive\n"
    assert ended.err == f"flamenco: 1 of 2 jobs cannot:\n  {queued}: it is queued\n"
    assert farm.get(f"/jobs/{done}").json["archived_at"]
    report = flamenco("archive", queued, "--json", manager=farm)
    assert (report.code, report.json["refused"]) == (1, 1)


def test_ids_that_are_not_clear_stop_everything(flamenco: Program, farm: RunningManager) -> None:
    job = farm.submit()["id"]
    ended = flamenco("cancel", job, "ffffffffffff", "xyz", manager=farm)
    assert ended.code == 1
    assert "there is no job whose id begins with 'ffffffffffff'" in ended.err
    assert "there is no job whose id begins with 'xyz'" in ended.err
    assert status(farm, job) == "queued"


def test_jobs_are_queued_again_in_three_ways(flamenco: Program, farm: RunningManager) -> None:
    job = cancelled(farm)
    assert flamenco("requeue", job, manager=farm).code == 0
    eventually(lambda: status(farm, job) == "queued")
    failed = flamenco("requeue", "--failed", job, manager=farm)
    assert (failed.code, "none of its tasks has failed" in failed.err) == (1, True)
    again = flamenco("requeue", "--compile-again", job, manager=farm)
    assert (again.code, "it is queued" in again.err) == (1, True)
    assert flamenco("requeue", "--failed", "--compile-again", job, manager=farm).code == 2
    assert flamenco("pause", job, manager=farm).code == 0
    eventually(lambda: status(farm, job) == "paused")
    assert flamenco("requeue", "--compile-again", job, manager=farm).code == 0
    assert status(farm, job) == "queued"


def test_a_priority_is_set(flamenco: Program, farm: RunningManager) -> None:
    job = farm.submit()["id"]
    assert flamenco("priority", 77, job[:10], manager=farm).code == 0
    assert farm.get(f"/jobs/{job}").json["priority"] == 77
    assert flamenco("priority", 101, job, manager=farm).code == 2


def test_a_deletion_is_rehearsed_and_done(flamenco: Program, farm: RunningManager) -> None:
    job = farm.submit()["id"]
    rehearsed = flamenco("delete", job, "--dry-run", manager=farm)
    assert rehearsed.code == 0
    assert "1 jobs with 2 tasks, 0 files (0 bytes) in these folders:" in rehearsed.out
    assert "Rendered files stay where they are." in rehearsed.out
    assert status(farm, job) == "queued"
    unanswered = flamenco("delete", job, manager=farm)
    assert unanswered.code == 2
    assert "add --yes" in unanswered.err
    assert status(farm, job) == "queued"
    assert flamenco("delete", job, "--yes", manager=farm).code == 0
    eventually(lambda: farm.get(f"/jobs/{job}").status == 404)


def test_tasks_are_cancelled_and_queued_again(flamenco: Program, farm: RunningManager) -> None:
    worker, job = farm.add_worker(), farm.submit()["id"]
    assert update(farm, worker, take_task(farm, worker), taskStatus="completed") == 204
    first, second = (task["id"] for task in farm.get(f"/jobs/{job}/tasks").json["tasks"][:2])
    assert flamenco("cancel-task", first, manager=farm).code == 1
    assert flamenco("cancel-task", second[:14], manager=farm).code == 0
    assert farm.get(f"/tasks/{second}").json["status"] == "canceled"
    of_all = ("requeue-task", "--all-of", job[:14], "--status", "canceled")
    assert flamenco(*of_all, "--json", manager=farm).json["done"] == 1
    assert farm.get(f"/tasks/{second}").json["status"] == "queued"
    assert flamenco("requeue-task", "--all-of", job, manager=farm).code == 2
    assert flamenco("requeue-task", manager=farm).code == 2


def test_workers_are_asked_by_name_or_id(flamenco: Program, farm: RunningManager) -> None:
    first, second = farm.add_worker("render-1").uuid, farm.add_worker("render-2").uuid
    ended = flamenco("ask-worker", "sleep", "--lazy", "render-1", second[:14], manager=farm)
    assert (ended.code, ended.out) == (0, "2 of 2 workers were asked to sleep\n")
    change = farm.get(f"/worker-mgt/workers/{first}").json["status_change"]
    assert change == {"status": "asleep", "is_lazy": True}
    refused = flamenco("ask-worker", "restart", "render-1", manager=farm)
    assert "not set up to be started again" in refused.err
    assert flamenco("ask-worker", "explode", "render-1", manager=farm).code == 2


def test_the_log_of_a_task_is_found_by_the_beginning_of_its_id(
    flamenco: Program, farm: RunningManager
) -> None:
    worker = farm.add_worker()
    farm.submit()
    task = take_task(farm, worker)
    assert update(farm, worker, task, log="found\n") == 204
    assert "found\n" in flamenco("task-log", task["uuid"][:14], manager=farm).out
    assert flamenco("task-log", NOBODY, manager=farm).code == 1


def test_why_tells_what_stands_between_workers_and_a_job(
    flamenco: Program, farm: RunningManager
) -> None:
    job = farm.submit()["id"]
    farm.add_worker("render-1", types=("blender",))
    farm.add_worker("render-2")
    shown = flamenco("why", job[:14], manager=farm)
    assert shown.code == 0
    assert "1 of 2 workers get tasks of two small tasks when they ask" in shown.out
    assert "worker render-1 takes no tasks of type misc" in shown.out
    assert "add misc to the worker's task types" in shown.out
    alone = flamenco("why", job, "render-1", manager=farm)
    assert alone.out == (
        "misc: worker render-1 takes no tasks of type misc: add misc to the worker's task types\n"
    )
    assert flamenco("why", job, "render-2", "--json", manager=farm).json["gets_tasks"]
    [page] = flamenco("why", job, "--json", manager=farm).json["pages"]
    assert page["workers_that_get_tasks"] == 1


def test_a_plan_tells_who_gets_what(flamenco: Program, farm: RunningManager) -> None:
    assert flamenco("plan", manager=farm).out == "No worker is free.\n"
    job = farm.submit()["id"]
    farm.add_worker("render-2")
    shown = flamenco("plan", manager=farm)
    assert [line.split() for line in shown.out.splitlines()[1:]] == [
        ["render-2", "echo", "misc", "two", "small", "tasks"]
    ]
    of_job = flamenco("plan", job[:14], manager=farm)
    assert of_job.out.startswith("1 worker could take this, and is free. 1 task begins at once.")
    assert flamenco("plan", job, "--json", manager=farm).json["tasks_waiting"] == 2


def test_overrides_are_printed_and_replaced(
    flamenco: Program, farm: RunningManager, tmp_path: Path
) -> None:
    job = farm.submit()["id"]
    file = tmp_path / "lines.py"
    file.write_text('x = "ä"\ny = 2\n', encoding="utf-8")
    assert flamenco("overrides", job[:14], manager=farm).out == ""
    assert flamenco("overrides", job, "--set", file, manager=farm).out == 'x = "ä"\ny = 2\n'
    assert flamenco("overrides", job, "--json", manager=farm).json == {
        "rna_overrides": ['x = "ä"', "y = 2"]
    }
    file.write_text("x = = 1\n")
    refused = flamenco("overrides", job, "--set", file, manager=farm)
    assert (refused.code, "line 1, column 5" in refused.err) == (1, True)
    assert flamenco("overrides", job, "--clear", manager=farm).out == ""
    assert flamenco("overrides", job, "--clear", "--set", file, manager=farm).code == 2


def test_a_submission_is_rehearsed(flamenco: Program, farm: RunningManager) -> None:
    farm.add_worker("render-1")
    command = ("submit", "--type", "echo-sleep-test", "--set", "message=x", "--dry-run")
    shown = flamenco(*command, manager=farm)
    assert shown.code == 0
    assert shown.out.startswith("1 worker could take this, and is free.")
    assert "render-1" in shown.out
    assert flamenco(*command, "--json", manager=farm).json["files"] == []
    assert farm.get("/jobs").json["jobs"] == []
