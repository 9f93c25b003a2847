"""Looking at, trying and changing the scripts of job types over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.job_types.library import BUILTIN_FOLDER
from tests.manager_service.running_manager import Reply, RunningManager

PYTHON = """\
from flamenco_core.job_types.authoring import JobType, Setting

JOB_TYPE = JobType(label="Say it", settings=[Setting("what", "string", required=True)])


def compile_job(job):
    for name in ("one", "two"):
        job.task(name, type="misc").command("echo", {"message": job.settings.what})
"""

JAVASCRIPT = """\
const JOB_TYPE = { label: "Say it in JS", settings: [{ key: "what", type: "string" }] };
function compileJob(job) {
    const task = author.Task("say", "misc");
    task.addCommand(author.Command("echo", { message: job.settings.what }));
    job.addTask(task);
}
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm") as running:
        yield running


def listed(manager: RunningManager) -> dict[str, dict[str, Any]]:
    reply = manager.get("/job-types")
    assert reply.status == 200, reply
    return {each["name"]: each for each in reply.json["job_types"]}


def script(source: str, language: str = "python", **more: Any) -> dict[str, Any]:
    return {"language": language, "source": source, **more}


def save(manager: RunningManager, name: str, body: dict[str, Any], **headers: str) -> Reply:
    return manager.request("PUT", f"/job-types/{name}/script", json_body=body, headers=headers)


def check(manager: RunningManager, body: dict[str, Any], name: str = "say-it") -> dict[str, Any]:
    reply = manager.post(f"/job-types/{name}/check", body)
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.json
    return found


def test_built_in_job_types_are_listed_with_their_scripts(manager: RunningManager) -> None:
    row = listed(manager)["simple-blender-render"]
    assert (row["origin"], row["is_customised"], row["is_usable"]) == ("built-in", False, True)
    assert (row["language"], row["label"], row["problems"]) == (
        "python",
        "Simple Blender Render",
        [],
    )
    reply = manager.get("/job-types/simple-blender-render/script")
    source = (BUILTIN_FOLDER / "simple_blender_render.py").read_text(encoding="utf-8")
    assert reply.content.decode() == source
    assert reply.headers["Etag"] == f'"{row["etag"]}"'
    assert manager.get("/job-types/nothing-like-it/script").status == 404


@pytest.mark.parametrize(
    ("source", "language", "suffix"), [(PYTHON, "python", "py"), (JAVASCRIPT, "javascript", "js")]
)
def test_a_saved_script_is_used_from_the_next_job_on(
    manager: RunningManager, source: str, language: str, suffix: str
) -> None:
    saved = save(manager, "say-it", script(source, language))
    assert saved.status == 200, saved
    assert saved.json["job_type"]["name"] == "say-it"
    row = listed(manager)["say-it"]
    assert (row["origin"], row["is_customised"], row["language"]) == ("custom", False, language)
    assert Path(row["file"]) == manager.config.scripts / f"say_it.{suffix}"
    assert manager.submit(type="say-it", settings={"what": "boo"})["task_counts"]["queued"] > 0
    assert manager.get("/job-types/say-it/script").content.decode() == source


def test_a_built_in_job_type_is_customised_and_restored(manager: RunningManager) -> None:
    original = manager.get("/job-types/echo-sleep-test/script").content.decode()
    changed = original.replace("label=", "label='My own' or ")
    assert save(manager, "echo-sleep-test", script(changed)).status == 200
    row = listed(manager)["echo-sleep-test"]
    assert (row["origin"], row["is_customised"], row["label"]) == ("custom", True, "My own")
    assert manager.get("/jobs/type/echo-sleep-test").json["label"] == "My own"
    built_in = manager.get("/job-types/echo-sleep-test/script?built_in=true")
    assert built_in.content.decode() == original
    assert manager.request("DELETE", "/job-types/echo-sleep-test/script").status == 204
    assert listed(manager)["echo-sleep-test"]["origin"] == "built-in"
    assert manager.get("/jobs/type/echo-sleep-test").json["label"] != "My own"
    assert manager.request("DELETE", "/job-types/echo-sleep-test/script").status == 409
    assert manager.request("DELETE", "/job-types/nothing/script").status == 404


def test_another_language_takes_the_place_of_the_first(manager: RunningManager) -> None:
    assert save(manager, "say-it", script(PYTHON)).status == 200
    assert save(manager, "say-it", script(JAVASCRIPT, "javascript")).status == 200
    assert [path.name for path in manager.config.scripts.iterdir()] == ["say_it.js"]
    assert listed(manager)["say-it"]["label"] == "Say it in JS"


def test_a_script_is_tried_with_the_settings_that_are_given(manager: RunningManager) -> None:
    good = check(manager, script(PYTHON, settings={"what": "boo"}))
    assert (good["problems"], good["task_count"], good["task_types"]) == ([], 2, ["misc"])
    assert good["job_type"]["settings"][0]["key"] == "what"
    bad = check(manager, script(PYTHON, settings={"what": 7}))
    assert "what" in bad["problems"][0]["where"]
    assert not manager.config.scripts.exists(), "nothing is stored"


@pytest.mark.parametrize("name", ["simple-blender-render", "echo-sleep-test", "run-command"])
def test_made_up_settings_fit_the_built_in_job_types(manager: RunningManager, name: str) -> None:
    source = manager.get(f"/job-types/{name}/script").content.decode()
    found = check(manager, script(source), name)
    assert (found["problems"], found["trial_problems"]) == ([], [])
    assert found["task_count"] > 0


@pytest.mark.parametrize(
    ("source", "language", "line", "what"),
    [
        ("x = 1\ny = = 2\n", "python", 2, "not valid Python"),
        ("x = 1\n", "python", None, "no job type"),
        (PYTHON.replace('"what", "string"', '"what", "text"'), "python", None, "text"),
        (PYTHON + "\n1 / 0\n", "python", 10, "ZeroDivisionError"),
        ("let x = ;\n", "javascript", None, "no job type"),
        (JAVASCRIPT + "let x = ;\n", "javascript", 7, ""),
        (JAVASCRIPT + "nothing();\n", "javascript", 7, "nothing"),
    ],
)
def test_mistakes_are_named_with_their_lines(
    manager: RunningManager, source: str, language: str, line: int | None, what: str
) -> None:
    found = check(manager, script(source, language))
    assert found["problems"]
    problem = found["problems"][0]
    assert problem.get("line") == line, problem
    assert what in problem["what"]
    refused = save(manager, "say-it", script(source, language))
    assert refused.status == 400
    assert not (manager.config.scripts / "say_it.py").exists()


def test_the_column_of_a_slip_in_python_is_told(manager: RunningManager) -> None:
    (problem,) = check(manager, script("x = 1\ny = = 2\n"))["problems"]
    assert (problem["line"], problem["column"]) == (2, 5)


def test_a_script_is_tried_with_what_lies_beside_it_on_the_farm(manager: RunningManager) -> None:
    manager.config.scripts.mkdir(exist_ok=True)
    (manager.config.scripts / "words.py").write_text("HELLO = 'hello'\n", encoding="utf-8")
    source = f"from .words import HELLO\n{PYTHON}".replace("job.settings.what", "HELLO")
    answer = check(manager, script(source))
    assert (answer["problems"], answer["task_count"]) == ([], 2)


def test_a_script_that_never_ends_is_ended(
    manager: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from flamenco_core.job_types import compile_process
    from manager_service.settings import job_type_check

    class Impatient(compile_process.CompileProcess):
        def __init__(self, folders: list[Path]) -> None:
            super().__init__(folders, time_limit=timedelta(seconds=1))

    monkeypatch.setattr(job_type_check, "CompileProcess", Impatient)
    found = check(manager, script(PYTHON + "\nwhile True:\n    pass\n"))
    assert "took longer" in found["problems"][0]["what"]


def test_a_broken_script_of_the_farm_is_listed_with_its_mistake(manager: RunningManager) -> None:
    manager.config.scripts.mkdir(parents=True)
    (manager.config.scripts / "run_command.py").write_text("JOB_TYPE = (\n", encoding="utf-8")
    (manager.config.scripts / "parts.js").write_text("exports.x = 1;\n", encoding="utf-8")
    rows = listed(manager)
    assert "parts" not in rows
    broken = rows["run-command"]
    assert (broken["is_usable"], broken["origin"]) == (False, "custom")
    assert "line 1" in broken["problems"][0]["where"]


def test_the_second_of_two_who_looked_at_the_same_is_refused(manager: RunningManager) -> None:
    assert save(manager, "say-it", script(PYTHON)).status == 200
    etag = manager.get("/job-types/say-it/script").headers["Etag"]
    changed = script(PYTHON.replace("Say it", "Say that"))
    assert save(manager, "say-it", changed, **{"If-Match": etag}).status == 200
    assert save(manager, "say-it", changed, **{"If-Match": etag}).status == 412
    gone = manager.request("DELETE", "/job-types/say-it/script", headers={"If-Match": etag})
    assert gone.status == 412


@pytest.mark.parametrize("name", ["Say-It", "say_it", "..", "a.b", "%2e%2e%2fx", "con", "com1"])
def test_a_name_that_is_none_is_refused(manager: RunningManager, name: str) -> None:
    assert save(manager, name, script(PYTHON)).status in (400, 404)
    assert not manager.config.scripts.exists()


def test_built_in_scripts_are_written_where_nothing_uses_them(manager: RunningManager) -> None:
    reply = manager.post("/job-types/write-built-in", {"names": ["run-command"]})
    assert reply.json["files"] == ["run_command.py"]
    folder = Path(reply.json["folder"])
    assert folder.parent == manager.config.home
    written = (folder / "run_command.py").read_bytes()
    assert written == (BUILTIN_FOLDER / "run_command.py").read_bytes()
    assert listed(manager)["run-command"]["origin"] == "built-in"
    everything = manager.post("/job-types/write-built-in").json["files"]
    assert len(everything) == len(listed(manager))
    assert manager.post("/job-types/write-built-in", {"names": ["x"]}).status == 404


def test_python_is_taken_from_this_machine_only_and_javascript_from_anywhere(
    manager: RunningManager,
) -> None:
    elsewhere = {"X-Forwarded-For": "10.0.0.7"}
    assert save(manager, "say-it", script(PYTHON), **elsewhere).status == 403
    checked = manager.post("/job-types/say-it/check", script(PYTHON), headers=elsewhere)
    assert checked.status == 403
    assert not manager.config.scripts.exists()
    assert save(manager, "say-it", script(JAVASCRIPT, "javascript"), **elsewhere).status == 200
