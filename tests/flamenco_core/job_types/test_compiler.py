"""What the compiler makes of a script's work, and what it says of work that is no good."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flamenco_core.errors import CompileError, InvalidInput, NotFound, WrongEtag
from flamenco_core.job_types.compiled import (
    CompiledJob,
    compiled_job_from_json,
    compiled_job_to_json,
    tasks_from_json,
    tasks_to_json,
)
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import JobStorageInfo, SubmittedJob
from flamenco_core.statuses import JobStatus
from tests.flamenco_core.job_types.scripts import CREATED, ONE_TASK, submission, write_script

Compile = Callable[..., CompiledJob]


def compiled(library: JobTypeLibrary, submitted: SubmittedJob) -> CompiledJob:
    return compile_job(
        library, submitted, job_id="job-id", created=CREATED, new_id=lambda: str(uuid4())
    )


def taken_apart(job: CompiledJob) -> CompiledJob:
    """The job as it comes out of a helper process."""
    data, parts = json.loads(json.dumps([compiled_job_to_json(job), [*tasks_to_json(job)]]))
    return compiled_job_from_json(data, [task for part in parts for task in tasks_from_json(part)])


@pytest.fixture
def compile_body(tmp_path: Path) -> Compile:
    """Compiles a job with the given statements as its `compile_job`."""

    def compile_this(body: str, *, settings: str = "", top: str = "", **given: Any) -> CompiledJob:
        write_script(tmp_path, "mine", body, settings=settings, top=top)
        return compiled(JobTypeLibrary([tmp_path]), submission("mine", **given))

    return compile_this


def test_what_is_wrong_beside_the_settings_is_said_with_them(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", ONE_TASK, settings="Setting('a', 'int32')")
    submitted = SubmittedJob(
        name=" ",
        type="mine",
        settings={"a": "x"},
        submitter_platform="linus",
        rna_overrides=["1 +"],
    )
    with pytest.raises(InvalidInput) as refused:
        compiled(JobTypeLibrary([tmp_path]), submitted)
    problems = refused.value.problems
    assert [problem.where for problem in problems[:3]] == [
        *("name", "submitter_platform", "settings.a")
    ]
    assert problems[1].hint == "did you mean linux?"
    assert problems[3].where.startswith("rna_overrides")


def places(submitted: SubmittedJob, scripts: Path) -> list[str]:
    """Where a refused submission is wrong."""
    with pytest.raises(InvalidInput) as refusal:
        compiled(JobTypeLibrary([scripts]), submitted)
    return [problem.where for problem in refusal.value.problems]


_TWO_TEXTS = """
    Setting("frames", "string", required=True), Setting("blendfile", "string", required=True),
    Setting("chunk_size", "int32", default=1)
"""


def test_a_missing_text_does_not_hide_what_the_script_finds(tmp_path: Path) -> None:
    frames = "from flamenco_core.frames import parse_frames\nparse_frames(job.settings.frames)"
    write_script(tmp_path, "mine", frames, settings=_TWO_TEXTS)
    given = submission("mine", frames="1-", blendfile="")
    assert places(given, tmp_path) == ["settings.blendfile", "settings.frames"]
    nameless = replace(submission("mine", frames="1-", blendfile="a.blend"), name=" ")
    assert places(nameless, tmp_path) == ["name", "settings.frames"]


def test_what_a_script_says_of_a_text_that_is_missing_does_not_count(tmp_path: Path) -> None:
    refusal = "job.refuse('blendfile', 'is no .blend file')"
    write_script(tmp_path, "mine", refusal, settings=_TWO_TEXTS)
    assert places(submission("mine", frames="1-"), tmp_path) == ["settings.blendfile"]
    write_script(tmp_path, "broken", "1 / 0", settings=_TWO_TEXTS)
    assert places(submission("broken", frames="1"), tmp_path) == ["settings.blendfile"]


def test_nothing_stands_in_for_numbers(tmp_path: Path) -> None:
    refusal = "job.refuse('frames', 'are too many for these chunks')"
    write_script(tmp_path, "mine", refusal, settings=_TWO_TEXTS)
    given = submission("mine", frames="1", chunk_size="x")
    assert places(given, tmp_path) == ["settings.blendfile", "settings.chunk_size"]


def test_limits_of_a_job_reach_each_of_its_commands_over_those_of_the_job_type(
    tmp_path: Path,
) -> None:
    body = "task = job.task('one', type='misc')\n"
    body += "task.command('echo', {'message': 'x', 'limits': {'total': '1h', 'silence': '5m'}})\n"
    body += "task.command('sleep', {'duration_in_seconds': 1})"
    write_script(tmp_path, "mine", body)
    limits = {"limits.total": "3h", "limits.progress": "off", "user": "x"}
    limits["limits.failed_tasks"] = "25%"  # is not the workers'
    job = compiled(JobTypeLibrary([tmp_path]), replace(submission("mine"), metadata=limits))
    echo, sleep = job.tasks[0].commands
    assert echo.parameters["limits"] == {"total": "3h", "progress": "off", "silence": "5m"}
    assert sleep.parameters["limits"] == {"total": "3h", "progress": "off"}
    wrong = {"limits.total": "3", "limits.end": "1h", "limits.failed_tasks": "0%"}
    with pytest.raises(InvalidInput) as refused:
        compiled(JobTypeLibrary([tmp_path]), replace(submission("mine"), metadata=wrong))
    assert [problem.where for problem in refused.value.problems] == [
        "metadata.limits.total",
        "metadata.limits.end",
        "metadata.limits.failed_tasks",
    ]
    assert "failed_tasks" in refused.value.problems[1].hint


def test_a_job_can_ask_for_a_blender_of_its_own_for_each_task(tmp_path: Path) -> None:
    body = "task = job.task('one', type='blender')\n"
    body += "task.command('blender-render', {'exe': 'x'})\ntask.command('echo', {'message': 'x'})"
    write_script(tmp_path, "mine", body)
    wanted = {"off": False, "On": True}
    for text, is_warm in wanted.items():
        submitted = replace(submission("mine"), metadata={"blender.warm": text})
        render, echo = compiled(JobTypeLibrary([tmp_path]), submitted).tasks[0].commands
        assert render.parameters == {"exe": "x", "warm": is_warm}
        assert echo.parameters == {"message": "x"}
    wrong = replace(submission("mine"), metadata={"blender.warm": "maybe"})
    with pytest.raises(InvalidInput, match="write on or off") as refused:
        compiled(JobTypeLibrary([tmp_path]), wrong)
    assert [problem.where for problem in refused.value.problems] == ["metadata.blender.warm"]


def test_everything_that_was_submitted_is_kept(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", ONE_TASK, settings="Setting('a', 'int32')")
    submitted = SubmittedJob(
        name="the job",
        type="mine",
        priority=70,
        settings={"a": 3},
        metadata={"user": "x"},
        submitter_platform="windows",
        storage=JobStorageInfo(shaman_checkout_id="check/out"),
        worker_tag="tag",
        initial_status=JobStatus.PAUSED,
    )
    job = compiled(JobTypeLibrary([tmp_path]), submitted)
    assert (job.id, job.name, job.type, job.priority) == ("job-id", "the job", "mine", 70)
    assert (job.settings, job.metadata, job.submitter_platform) == (
        {"a": 3},
        {"user": "x"},
        "windows",
    )
    assert (job.storage, job.worker_tag, job.status, job.created) == (
        submitted.storage,
        "tag",
        JobStatus.PAUSED,
        CREATED,
    )
    assert taken_apart(job) == job


def test_a_job_starts_out_queued_and_from_the_platform_of_the_manager(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", ONE_TASK)
    submitted = SubmittedJob(name="x", type="mine", submitter_platform="manager")
    job = compiled(JobTypeLibrary([tmp_path]), submitted)
    assert job.status is JobStatus.QUEUED
    assert job.submitter_platform in {"linux", "windows", "darwin"}
    assert job.storage is None
    assert taken_apart(job) == job


def test_a_job_cannot_start_out_finished(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", ONE_TASK)
    submitted = SubmittedJob(
        name="x", type="mine", submitter_platform="linux", initial_status=JobStatus.COMPLETED
    )
    with pytest.raises(InvalidInput, match="initial_status: a job cannot start out as completed"):
        compiled(JobTypeLibrary([tmp_path]), submitted)


def test_tasks_keep_their_order_their_dependencies_and_their_steps(compile_body: Compile) -> None:
    job = compile_body(
        """
        last = job.task(" last ", type="misc", priority=90)
        first = job.task("first", type="my-own")
        last.depends_on(first, first)
        last.command("echo", {"message": 1}).command("echo", {"message": 2}, total_step_count=5)
        first.command("say", {"what": ("a", 1, 2.5, None, True, {"b": []})}, 4)
        """,
        top="TYPES = ['my-own']\nfrom functools import partial\n"
        "JobType = partial(JobType, task_types=TYPES)",
    )
    assert [(task.name, task.type, task.priority) for task in job.tasks] == [
        ("last", "misc", 90),
        ("first", "my-own", 50),
    ]
    assert [task.depends_on for task in job.tasks] == [[1], []]
    assert [task.steps_total for task in job.tasks] == [6, 4]
    assert job.tasks[1].commands[0].parameters == {"what": ["a", 1, 2.5, None, True, {"b": []}]}


def test_settings_that_the_script_changes_are_stored(compile_body: Compile) -> None:
    job = compile_body(
        f"""
        assert job.settings.missing is None and "missing" not in job.settings
        job.settings.path = job.settings["path"].upper()
        job.settings["more"] = [1]
        del job.settings["gone"]
        {ONE_TASK}
        """,
        settings="Setting('path', 'string'), Setting('gone', 'bool'), Setting('missing', 'bool')",
        path="/a",
        gone=True,
    )
    assert job.settings == {"path": "/A", "more": [1]}


def test_settings_can_be_copied_and_members_of_enums_are_sent_as_their_values(
    compile_body: Compile,
) -> None:
    job = compile_body(
        f"""
        import copy, enum
        Colour = enum.Enum("Colour", {{"RED": "red"}}, type=str)
        other = copy.deepcopy(job.settings)
        other.path = "changed"
        job.settings["colour"] = Colour.RED
        {ONE_TASK}
        """,
        settings="Setting('path', 'string')",
        path="/a",
    )
    assert job.settings == {"path": "/a", "colour": "red"}
    assert type(job.settings["colour"]) is str


def test_changing_settings_in_a_script_leaves_the_submission_alone(tmp_path: Path) -> None:
    body = f"job.settings.a = 2\njob.metadata['x'] = 'y'\n{ONE_TASK}"
    write_script(tmp_path, "mine", body, settings="Setting('a', 'int32')")
    submitted = submission("mine", a=1)
    job = compiled(JobTypeLibrary([tmp_path]), submitted)
    assert (job.settings, job.metadata) == ({"a": 2}, {"x": "y"})
    assert (submitted.settings, submitted.metadata) == ({"a": 1}, {})


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ("pass", "tasks", "made no tasks"),
        ("job.task('a', type='misc')", "tasks[0] (a)", "has no commands"),
        ("job.task('', type='misc').command('c', {'a': 1})", "tasks[0] ()", "its name is empty"),
        ("job.task('a', type='').command('c', {'a': 1})", "tasks[0] (a)", "its task type is empty"),
        ("job.task('a', type=None).command('c', {'a': 1})", "tasks[0] (a)", "task type is None"),
        (
            "job.task('a', type='blendr').command('c', {'a': 1})",
            "tasks[0] (a)",
            "“blendr” is unknown",
        ),
        (
            "job.task('a', type='misc', priority='high').command('c', {'a': 1})",
            "tasks[0] (a)",
            "its priority is 'high'",
        ),
        (
            "job.task('a', type='misc').command('', {'a': 1})",
            "tasks[0] (a), command 1",
            "its name is empty",
        ),
        (
            "job.task('a', type='misc').command('c', {})",
            "tasks[0] (a), command 1 (c)",
            "has no parameters",
        ),
        (
            "job.task('a', type='misc').command('c', None)",
            "tasks[0] (a), command 1 (c)",
            "its parameters are of type NoneType",
        ),
        (
            "job.task('a', type='misc').command('c', {'a': 1}, -1)",
            "tasks[0] (a), command 1 (c)",
            "its step count is -1",
        ),
        (
            "job.task('a', type='misc').command('c', {'a': 1}, 'x')",
            "tasks[0] (a), command 1 (c)",
            "its step count is 'x'",
        ),
        (
            (
                "import pathlib\n"
                "job.task('a', type='misc').command('c', {'a': [1, {'b': pathlib.Path()}]})"
            ),
            "tasks[0] (a), command 1 (c), parameters.a[1].b",
            "Path cannot be sent",
        ),
        (
            "job.task('a', type='misc').command('c', {'a': float('nan')})",
            "tasks[0] (a), command 1 (c), parameters.a",
            "nan is not a number that can be sent",
        ),
        (
            "job.task('a', type='misc').command('c', {1: 2})",
            "tasks[0] (a), command 1 (c), parameters",
            "the key 1 is not text",
        ),
        (
            "job.task('a', type='misc').command('c', {'a': '\\ud800'})",
            "tasks[0] (a), command 1 (c), parameters.a",
            "not valid Unicode",
        ),
        (
            "loop = []\nloop.append(loop)\njob.task('a', type='misc').command('c', {'a': loop})",
            "tasks[0] (a), command 1 (c), parameters.a" + "[0]" * 49,
            "contains itself",
        ),
        ("job.tasks.append('task')", "tasks", "holds str objects"),
        (f"job.settings['a'] = object()\n{ONE_TASK}", "settings.a", "cannot be sent"),
        (f"job.metadata['a'] = 1\n{ONE_TASK}", "metadata.a", "is not text"),
        (
            "task = job.task('a', type='misc').command('c', {'a': 1})\ntask.depends_on(task)",
            "tasks[0] (a)",
            "in a circle: “a” → “a”",
        ),
        (
            (
                "from flamenco_core.job_types.authoring import AuthoredTask\n"
                "task = job.task('a', type='misc').command('c', {'a': 1})\n"
                "task.depends_on(AuthoredTask('stray', 'misc', 50))"
            ),
            "tasks[0] (a)",
            "“stray”, which is no task of this job",
        ),
        (
            "job.task('a', type='misc').command('c', {'a': 1}).commands = None",
            "mine.py",
            "made tasks that cannot be read",
        ),
        ("job.refuse('frames', 'are ugly')", "settings.frames", "are ugly"),
    ],
)
def test_work_that_is_no_good_is_refused_with_its_place(
    compile_body: Compile, tmp_path: Path, body: str, where: str, what: str
) -> None:
    with pytest.raises(CompileError) as caught:
        compile_body(body)
    (problem,) = caught.value.problems
    assert problem.where in {where, str(tmp_path / where)}
    assert what in problem.what


def test_a_circle_of_dependencies_is_shown(compile_body: Compile) -> None:
    with pytest.raises(CompileError, match="in a circle") as caught:
        compile_body(
            """
            tasks = [job.task(f"t{n}", type="misc").command("c", {"a": 1}) for n in range(5)]
            for number in (1, 2, 3):
                tasks[number].depends_on(tasks[number % 3 + 1])
            tasks[4].depends_on(tasks[0])
            """
        )
    (problem,) = caught.value.problems
    assert {name in problem.what for name in ("“t1”", "“t2”", "“t3”")} == {True}
    assert not any(name in problem.what for name in ("“t0”", "“t4”"))


def test_a_thousand_bad_tasks_make_a_short_list(compile_body: Compile) -> None:
    with pytest.raises(CompileError) as caught:
        compile_body("for n in range(1000): job.task('a', type='misc')")
    assert len(caught.value.problems) < 30
    assert "more problems" in caught.value.problems[-1].what


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        ("\n1 / 0", 4, "ZeroDivisionError"),
        ("raise SystemExit(2)", 4, "SystemExit: 2"),
        ("job.settings.frmes", 4, "no setting “frmes” (did you mean frames?)"),
        ("job.settings.frmes = 1", 4, "no setting “frmes” (did you mean frames?)"),
        ("job.name = 'other'", 4, "FrozenInstanceError"),
        ("def recurse(): recurse()\nrecurse()", 4, "RecursionError"),
        ("import json\njson.loads('{')", 5, "JSONDecodeError"),
    ],
)
def test_a_script_that_fails_is_named_with_its_line(
    compile_body: Compile, tmp_path: Path, body: str, line: int, what: str
) -> None:
    with pytest.raises(CompileError, match="“mine” failed") as caught:
        compile_body(body, settings="Setting('frames', 'string')")
    (problem,) = caught.value.problems
    assert problem.where == f"{tmp_path / 'mine.py'}, line {line + 1}"
    assert what in problem.what


def test_frames_that_cannot_be_read_are_blamed_on_their_setting(compile_body: Compile) -> None:
    top = "from flamenco_core.frames import frame_chunks, parse_frames"
    with pytest.raises(CompileError) as caught:
        compile_body(
            "frame_chunks(job.settings.frames, 0)",
            top=top,
            settings="Setting('frames', 'string'), Setting('chunk_size', 'int32', default=0)",
            frames="9-1",
        )
    places = [problem.where for problem in caught.value.problems]
    assert places == ["settings.frames", "settings.chunk_size"]
    with pytest.raises(CompileError) as caught:
        compile_body(
            "parse_frames(job.settings.images, where='images')",
            top=top,
            settings="Setting('images', 'string')",
            images="x",
        )
    assert [problem.where for problem in caught.value.problems] == ["settings.images"]


def test_an_etag_counts_only_if_it_is_given(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", ONE_TASK)
    library = JobTypeLibrary([tmp_path])

    def submit(etag: str | None) -> CompiledJob:
        return compiled(
            library,
            SubmittedJob(name="x", type="mine", type_etag=etag, submitter_platform="linux"),
        )

    for etag in (None, "", library.get("mine").etag):
        assert submit(etag).tasks
    with pytest.raises(WrongEtag, match="has changed"):
        submit("0" * 40)


def test_an_unknown_type_is_named_with_the_nearest_one() -> None:
    with pytest.raises(NotFound, match="did you mean simple-blender-render"):
        compiled(JobTypeLibrary(), submission("simple-blend-render"))


def test_a_task_may_ask_more_of_its_worker_than_its_type(compile_body: Compile) -> None:
    job = compile_body(
        'job.task("a", type="misc").requires("device", "gpu").requires("memory_gb", ">=16")'
        '.command("echo", {"message": "hi"})'
    )
    assert job.tasks[0].requirements == {"device": "gpu", "memory_gb": ">=16"}
    again = taken_apart(job)
    assert again == job


def test_a_requirement_that_cannot_be_read_is_blamed_on_its_task(compile_body: Compile) -> None:
    with pytest.raises(CompileError, match="'memory_gb' >= compares numbers and versions"):
        compile_body(
            'job.task("a", type="misc").requires("memory_gb", ">=lots")'
            '.command("echo", {"message": "hi"})'
        )


def test_a_job_that_asks_for_a_device_gets_only_workers_that_have_it(tmp_path: Path) -> None:
    body = "render = job.task('one', type='blender')\n"
    body += "render.command('blender-render', {'exe': 'x'})\n"
    body += "job.task('two', type='misc').command('echo', {'message': 'x'})"
    write_script(tmp_path, "mine", body)
    library = JobTypeLibrary([tmp_path])
    job = compiled(library, replace(submission("mine"), metadata={"device": "OptiX:1"}))
    render, echo = job.tasks
    assert render.requirements == {"device": "optix"}
    assert render.commands[0].parameters == {"exe": "x", "device": "optix:1"}
    assert (echo.requirements, echo.commands[0].parameters) == ({}, {"message": "x"})
    with pytest.raises(InvalidInput) as refused:
        compiled(library, replace(submission("mine"), metadata={"device": "toaster"}))
    assert [problem.where for problem in refused.value.problems] == ["metadata.device"]
