"""The RNA overrides of a job over real HTTP."""

from __future__ import annotations

from tests.manager_service.running_manager import RunningManager

UNKNOWN = "00000000-0000-0000-0000-000000000000"
LINE = 'D.scenes["Scene"].render.resolution_percentage = 50'


def test_overrides_are_read_and_replaced(manager: RunningManager) -> None:
    job = manager.submit(rna_overrides=[LINE])["id"]
    path = f"/jobs/{job}/rna-overrides"
    assert manager.get(path).json == {"rna_overrides": [LINE]}
    wanted = {"rna_overrides": ["x = 1\ny = 2", "", ""]}
    reply = manager.request("PUT", path, json_body=wanted)
    assert (reply.status, reply.json) == (200, {"rna_overrides": ["x = 1", "y = 2"]})
    assert manager.get(path).json == reply.json
    none: dict[str, list[str]] = {"rna_overrides": []}
    assert manager.request("PUT", path, json_body=none).json == none


def test_a_line_that_is_no_python_is_told_by_line_and_column(manager: RunningManager) -> None:
    job = manager.submit(rna_overrides=[LINE])["id"]
    path = f"/jobs/{job}/rna-overrides"
    wanted = {"rna_overrides": ["x = 1", "y = = 2"]}
    reply = manager.request("PUT", path, json_body=wanted)
    assert (reply.status, reply.problems) == (422, ["rna_overrides[1]"])
    assert "line 2, column 5" in reply.json["problems"][0]["what"]
    assert "line 2, column 5" in reply.json["message"]
    assert manager.get(path).json == {"rna_overrides": [LINE]}


def test_a_body_of_another_form_is_refused_as_ever(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    path = f"/jobs/{job}/rna-overrides"
    assert manager.request("PUT", path, json_body={"rna_overrides": "x = 1"}).status == 400
    unknown = f"/jobs/{UNKNOWN}/rna-overrides"
    assert manager.get(unknown).status == 404
    assert manager.request("PUT", unknown, json_body={"rna_overrides": []}).status == 404
