"""Every way a request can be wrong: the right status, the one shape, and nothing stored."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest

from tests.manager_service.running_manager import (
    Reply,
    RunningManager,
    receive,
    send,
    sha256,
    submission,
)

JSON = {"Content-Type": "application/json"}
NOBODY = str(uuid4())
RENDER_SETTINGS = {
    "frames": "1-10",
    "chunk_size": 1,
    "render_output_root": "/render",
    "add_path_components": 0,
    "render_output_path": "/render/out/######",
    "blendfile": "/jobs/scene.blend",
    "fps": 24.0,
    "format": "PNG",
    "image_file_extension": ".png",
    "has_previews": False,
    "scene": "Scene",
}


def assert_is_refusal(reply: Reply, status: int) -> None:
    assert reply.status == status, reply.content
    assert reply.headers["Content-Type"] == "application/json"
    content = reply.json
    assert set(content) == {"code", "message", "problems"}
    assert content["code"] == status
    assert content["message"]
    for problem in content["problems"]:
        assert set(problem) == {"where", "what", "hint"}
        assert problem["what"]
    assert "Traceback" not in reply.content.decode()


def render(**settings: Any) -> dict[str, Any]:
    """A submission of simple-blender-render that is all right apart from `settings`."""
    return submission(type="simple-blender-render", settings={**RENDER_SETTINGS, **settings})


def assert_nothing_is_stored(manager: RunningManager) -> None:
    assert manager.get("/jobs").json == {"jobs": []}
    assert manager.get("/worker-mgt/workers").json == {"workers": []}
    assert not list(manager.config.shared_storage.rglob("*.blob"))
    assert not [path for path in manager.config.job_storage.rglob("*") if path.is_dir()]


BAD_SUBMISSIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    # what is wrong: (submission, where the problems are)
    "an unknown job type": (submission(type="no-such-type"), ["type"]),
    "frames that end before they start": (render(frames="10-1"), ["settings.frames"]),
    "frames that are no numbers": (render(frames="a-b"), ["settings.frames"]),
    "no frames": (render(frames=""), ["settings.frames"]),
    "chunks of no frames": (render(chunk_size=0), ["settings.chunk_size"]),
    "a setting of the wrong type": (render(fps="fast"), ["settings.fps"]),
    "a priority that is too high": (submission(priority=101), ["priority"]),
    "a status it cannot start with": (submission(initial_status="active"), ["initial_status"]),
    "a status that does not exist": (submission(initial_status="archived"), ["initial_status"]),
    "numbers as metadata": (submission(metadata={"frames": 3}), ["metadata.frames"]),
    "several things at once": (
        submission(name=3, priority="high", settings=[]),
        ["name", "priority", "settings"],
    ),
}


@pytest.mark.parametrize("wrong", BAD_SUBMISSIONS)
@pytest.mark.parametrize("path", ["/jobs", "/jobs/check"])
def test_a_submission_that_cannot_be_used_is_refused_and_not_stored(
    shared_manager: RunningManager, wrong: str, path: str
) -> None:
    content, places = BAD_SUBMISSIONS[wrong]
    reply = shared_manager.post(path, content)
    assert_is_refusal(reply, 400)
    assert reply.problems == places
    assert_nothing_is_stored(shared_manager)


def test_all_wrong_settings_are_named_at_once(shared_manager: RunningManager) -> None:
    reply = shared_manager.post("/jobs", render(scene=3, has_previews="no", fps="fast"))
    assert_is_refusal(reply, 400)
    assert sorted(reply.problems) == ["settings.fps", "settings.has_previews", "settings.scene"]


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    # what is wrong: (body, where the problem is)
    "no JSON": (b"name: job", "line 1, column 1"),
    "JSON that is cut off": (b'{"name": "x",\n "type": ', "line 2, column 10"),
    "a list": (b"[]", ""),
    "not a number": (b'{"name": "x", "priority": NaN}', ""),
    "bytes that are not UTF-8": (b'{"name": "\xff\xfe"}', ""),
    "nothing": (b"", ""),
}


@pytest.mark.parametrize("wrong", BAD_BODIES)
def test_a_body_that_cannot_be_read_is_refused_with_the_place(
    shared_manager: RunningManager, wrong: str
) -> None:
    body, place = BAD_BODIES[wrong]
    reply = shared_manager.request("POST", "/jobs", body=body, headers=JSON)
    assert_is_refusal(reply, 400)
    assert reply.problems == [place]
    assert_nothing_is_stored(shared_manager)


CONTENT = b"the file that was announced"
BAD_REQUESTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    # what is wrong: (method, path, what else is sent, status)
    "an unknown path": ("GET", "/no-such-thing", {}, 404),
    "a path outside the API": ("GET", "/app/assets/of-another-version.js", {}, 404),
    "an unknown path with a line break": ("GET", "/no-such%0D%0Athing", {}, 404),
    "a body that is not packed as its header says": (
        "POST",
        "/jobs",
        {"body": b"not packed", "headers": {**JSON, "Content-Encoding": "gzip"}},
        400,
    ),
    "a file that is not packed as its header says": (
        "POST",
        f"/shaman/files/{sha256(CONTENT)}/{len(CONTENT)}",
        {
            "body": CONTENT,
            "headers": {
                "Content-Type": "application/octet-stream",
                "Content-Encoding": "gzip",
            },
        },
        400,
    ),
    "a wrong method": ("DELETE", "/version", {}, 405),
    "a wrong method on a path with a parameter": ("PUT", f"/jobs/{NOBODY}", {}, 405),
    "an id that is no UUID": ("GET", "/jobs/12", {}, 400),
    "a job that is not there": ("GET", f"/jobs/{NOBODY}", {}, 404),
    "tasks of a job that is not there": ("GET", f"/jobs/{NOBODY}/tasks", {}, 404),
    "a page after a job that is not there": ("GET", f"/jobs?before={NOBODY}", {}, 404),
    "a page of no jobs": ("GET", "/jobs?limit=0", {}, 400),
    "a number with an underscore": ("GET", "/jobs?limit=1_0", {}, 400),
    "a parameter that is there twice": ("GET", "/jobs?limit=1&limit=2", {}, 400),
    "a task that is not there": ("GET", f"/tasks/{NOBODY}", {}, 404),
    "the log of a task that is not there": ("GET", f"/tasks/{NOBODY}/log", {}, 404),
    "a worker that is not there": ("GET", f"/worker-mgt/workers/{NOBODY}", {}, 404),
    "a job type that is not there": ("GET", "/jobs/type/no-such-type", {}, 404),
    "a status for a job that is not there": (
        "POST",
        f"/jobs/{NOBODY}/setstatus",
        {"json_body": {"status": "cancel-requested", "reason": "test"}},
        404,
    ),
    "an audience that does not exist": (
        "GET",
        "/configuration/variables/everybody/linux",
        {},
        400,
    ),
    "a body of another media type": (
        "POST",
        "/jobs",
        {"body": b"{}", "headers": {"Content-Type": "text/plain"}},
        415,
    ),
    "a body that is announced too large": (
        "POST",
        "/jobs",
        {
            "body": b"{}",
            "headers": {"Content-Type": "application/json", "Content-Length": "9" * 10},
        },
        413,
    ),
    "a job type with another etag": (
        "POST",
        "/jobs",
        {"json_body": submission(type_etag="0" * 40)},
        412,
    ),
    "a job without a name": ("POST", "/jobs", {"json_body": submission(name=" ")}, 400),
    "a job of an unknown platform": (
        "POST",
        "/jobs",
        {"json_body": submission(submitter_platform="martian")},
        400,
    ),
    "a worker without a name": (
        "POST",
        "/worker/register-worker",
        {
            "json_body": {
                "name": "",
                "secret": "x",
                "platform": "linux",
                "supported_task_types": [],
            }
        },
        400,
    ),
    "no credentials": ("POST", "/worker/task", {}, 403),
    "credentials of another kind": (
        "POST",
        "/worker/task",
        {"headers": {"Authorization": "Bearer abc"}},
        403,
    ),
    "credentials that are no Base64": (
        "POST",
        "/worker/task",
        {"headers": {"Authorization": "Basic %%%"}},
        403,
    ),
    "a checksum that is none": ("GET", "/shaman/files/abc/3", {}, 400),
    "a size that is none": ("GET", f"/shaman/files/{'0' * 64}/-1", {}, 400),
    "a checkout path that leads elsewhere": (
        "POST",
        "/shaman/checkout/create",
        {"json_body": {"files": [], "checkoutPath": "../elsewhere"}},
        400,
    ),
    "a file path in a checkout that leads elsewhere": (
        "POST",
        "/shaman/checkout/create",
        {
            "json_body": {
                "files": [{"sha": "0" * 64, "size": 3, "path": "../../etc/passwd"}],
                "checkoutPath": "job",
            }
        },
        400,
    ),
    "a checkout of files that nobody sent": (
        "POST",
        "/shaman/checkout/create",
        {
            "json_body": {
                "files": [{"sha": "0" * 64, "size": 3, "path": "scene.blend"}],
                "checkoutPath": "job",
            }
        },
        424,
    ),
    "a file with another checksum": (
        "POST",
        f"/shaman/files/{sha256(b'another file')}/{len(CONTENT)}",
        {"body": CONTENT},
        417,
    ),
    "a file with another size": (
        "POST",
        f"/shaman/files/{sha256(CONTENT)}/{len(CONTENT) + 1}",
        {"body": CONTENT},
        417,
    ),
    "a file name that is wrongly encoded": (
        "POST",
        f"/shaman/files/{sha256(CONTENT)}/{len(CONTENT)}",
        {
            "body": CONTENT,
            "headers": {"X-Shaman-Original-Filename": "=?no-such-charset?q?scene?="},
        },
        400,
    ),
}


@pytest.mark.parametrize("wrong", BAD_REQUESTS)
def test_a_bad_request_is_refused_in_the_one_shape(
    shared_manager: RunningManager, wrong: str
) -> None:
    method, path, more, status = BAD_REQUESTS[wrong]
    assert_is_refusal(shared_manager.request(method, path, **more), status)
    assert_nothing_is_stored(shared_manager)


def test_a_wrong_method_is_told_the_right_ones(shared_manager: RunningManager) -> None:
    reply = shared_manager.request("DELETE", "/jobs")
    assert reply.headers["Allow"] == "GET, HEAD, POST"


def test_the_message_alone_says_what_is_wrong(shared_manager: RunningManager) -> None:
    message = shared_manager.post("/jobs", render(fps="fast", scene=3)).json["message"]
    assert "fps" in message
    assert message.endswith("(and 1 more)")


def test_a_list_of_very_many_problems_is_cut(shared_manager: RunningManager) -> None:
    files = [{"sha": "wrong", "size": -1, "path": "x"}] * 2000
    reply = shared_manager.post("/shaman/checkout/requirements", {"files": files})
    assert_is_refusal(reply, 400)
    assert len(reply.json["problems"]) == 1001
    assert reply.json["problems"][-1]["what"] == "there are 3000 more problems"


def test_all_that_is_wrong_with_a_checkout_is_reported_together(
    shared_manager: RunningManager,
) -> None:
    files = [
        {"sha": "wrong", "size": 3, "path": "a"},
        {"sha": "0" * 64, "size": -3, "path": "../../etc"},
    ]
    body = {"files": files, "checkoutPath": "../../etc"}
    reply = shared_manager.post("/shaman/checkout/create", body)
    assert_is_refusal(reply, 400)
    places = ["checkoutPath", "files[1].path", "files[0].sha", "files[1].size"]
    assert reply.problems == places


def test_a_file_that_is_not_the_announced_one_is_placed(shared_manager: RunningManager) -> None:
    wrong_sum = shared_manager.post(
        f"/shaman/files/{sha256(b'another file')}/{len(CONTENT)}", body=CONTENT
    )
    wrong_size = shared_manager.post(
        f"/shaman/files/{sha256(CONTENT)}/{len(CONTENT) + 1}", body=CONTENT
    )
    assert (wrong_sum.problems, wrong_size.problems) == (["checksum"], ["filesize"])
    assert sha256(CONTENT) in wrong_sum.json["problems"][0]["what"]


def test_problems_of_parameters_and_body_are_reported_together(
    shared_manager: RunningManager,
) -> None:
    reply = shared_manager.post("/jobs/12/setpriority", {"priority": 1000})
    assert_is_refusal(reply, 400)
    assert reply.problems == ["path job_id", "priority"]


def test_a_misspelled_parameter_is_not_taken_for_none(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    listed = manager.get("/jobs?stauts=failed&limit=many&page=2")
    assert_is_refusal(listed, 400)
    assert listed.problems == ["query limit", "query stauts", "query page"]
    assert "did you mean status?" in listed.json["problems"][1]["hint"]
    assert "cursor" in listed.json["problems"][2]["hint"]
    deleted = manager.request("DELETE", f"/jobs/{job}?leave-files=true")
    assert_is_refusal(deleted, 400)
    assert manager.get(f"/jobs/{job}").json["status"] == "queued"


def test_what_takes_no_parameters_may_be_asked_for_afresh(manager: RunningManager) -> None:
    assert manager.get("/version?1795322988").status == 200
    worker = manager.add_worker()
    assert manager.post("/worker/task?newer=than-the-manager", worker=worker).status == 204


def test_a_body_without_a_length_that_is_too_large_is_refused(manager: RunningManager) -> None:
    from manager_service.serving import LARGEST_JSON_BODY

    piece = b" " * 2**20
    connection = manager.connect()
    pieces = (piece for _ in range(LARGEST_JSON_BODY // len(piece) + 1))
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    connection.request("POST", "/api/v3/jobs", pieces, headers, encode_chunked=True)
    assert_is_refusal(receive(connection), 413)
    connection.close()


def test_a_wrong_secret_is_refused_as_an_unknown_worker_is(manager: RunningManager) -> None:
    worker = manager.add_worker()
    wrong = type(worker)(worker.uuid, "wrong")
    unknown = type(worker)(NOBODY, worker.secret)
    replies = [manager.post("/worker/task", worker=login) for login in (wrong, unknown)]
    for reply in replies:
        assert_is_refusal(reply, 403)
    assert replies[0].content == replies[1].content


def test_an_illegal_move_is_a_conflict_and_changes_nothing(manager: RunningManager) -> None:
    job = manager.submit()
    change = {"status": "completed", "reason": "impatience"}
    reply = manager.post(f"/jobs/{job['id']}/setstatus", change)
    assert_is_refusal(reply, 409)
    assert manager.get(f"/jobs/{job['id']}").json["status"] == "queued"


def test_a_worker_that_is_not_awake_gets_no_task(manager: RunningManager) -> None:
    worker = manager.add_worker(awake=False)
    assert_is_refusal(manager.post("/worker/task", worker=worker), 409)


def test_shaman_answers_503_while_it_is_off(tmp_path: Any) -> None:
    with RunningManager(tmp_path, shaman_enabled=False) as manager:
        body = {"files": [], "checkoutPath": "job"}
        for method, path, more in (
            ("POST", "/shaman/checkout/requirements", {"json_body": body}),
            ("POST", "/shaman/checkout/create", {"json_body": body}),
            ("GET", f"/shaman/files/{'0' * 64}/3", {}),
            ("POST", f"/shaman/files/{'0' * 64}/3", {"body": b"abc"}),
        ):
            assert_is_refusal(manager.request(method, path, **more), 503)


def test_an_internal_error_has_an_id_that_is_in_the_log_and_no_traceback(
    manager: RunningManager, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(manager.server.service.submissions.compiler, "available", broken)
    with caplog.at_level(logging.ERROR):
        reply = manager.get("/jobs/types")
    assert_is_refusal(reply, 500)
    assert "secret detail" not in reply.content.decode()
    incident = reply.json["problems"][0]["what"].split()[-1]
    assert incident in reply.json["message"]
    assert incident in caplog.text
    assert "ZeroDivisionError: secret detail" in caplog.text


def test_a_full_disk_is_said_to_be_temporary_and_nothing_is_stored(manager: RunningManager) -> None:
    farm = manager.server.service.farm
    farm.call(lambda open_farm: open_farm._db.execute("PRAGMA max_page_count = 1").close())
    registration = {
        "name": "x" * 50_000,
        "secret": "secret",
        "platform": "linux",
        "supported_task_types": ["misc"],
    }
    reply = manager.post("/worker/register-worker", registration)
    assert_is_refusal(reply, 503)
    assert int(reply.headers["Retry-After"]) > 0
    assert_nothing_is_stored(manager)
    farm.call(lambda open_farm: open_farm._db.execute("PRAGMA max_page_count = 1000000").close())
    assert manager.post("/worker/register-worker", registration).status == 200


def test_a_connection_goes_on_after_a_refusal(manager: RunningManager) -> None:
    connection = manager.connect()
    wrong_file = f"/shaman/files/{sha256(b'x')}/{len(CONTENT)}"
    for method, path, more, status in (
        ("GET", "/no-such-thing", {}, 404),
        ("POST", "/jobs", {"body": b"{", "headers": JSON}, 400),
        ("POST", wrong_file, {"body": CONTENT}, 417),
        ("GET", "/version", {}, 200),
    ):
        send(connection, method, path, **more)
        assert receive(connection).status == status
    connection.close()
