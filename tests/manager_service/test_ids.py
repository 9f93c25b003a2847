"""Whole ids from beginnings, over real HTTP."""

from __future__ import annotations

from tests.manager_service.running_manager import RunningManager


def test_a_beginning_finds_what_it_may_mean(manager: RunningManager) -> None:
    worker, job = manager.add_worker("render-7").uuid, manager.submit()
    task = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"][1]
    for kind, found in [
        ("job", {"id": job["id"], "name": "two small tasks"}),
        ("task", {"id": task["id"], "name": task["name"]}),
        ("worker", {"id": worker, "name": "render-7"}),
    ]:
        for length in (9, 36):
            beginning = found["id"][:length].upper()
            assert manager.get(f"/ids/{kind}/{beginning}").json == {"found": [found]}
    assert manager.get(f"/ids/task/{job['id']}").json == {"found": []}


def test_a_short_beginning_finds_several_and_never_very_many(manager: RunningManager) -> None:
    settings = {"message": "x", "sleep_repeats": 499, "sleep_duration_seconds": 1}
    manager.submit(settings=settings)
    found = manager.get("/ids/task/a").json["found"]
    assert len(found) == 10
    assert all(each["id"].startswith("a") for each in found)


def test_what_cannot_be_an_id_is_refused(manager: RunningManager) -> None:
    assert manager.get("/ids/task/xyz").status == 400
    assert manager.get("/ids/tag/a").status == 400
