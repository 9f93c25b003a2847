"""What is said when a job type in JavaScript is wrong, throws, or makes what cannot be run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flamenco_core.errors import CompileError, NotFound
from flamenco_core.job_types import javascript_run
from flamenco_core.job_types.javascript_script import HOW_TO_INSTALL
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.job_types.script import LARGEST_SCRIPT
from tests.flamenco_core.job_types.javascript_scripts import ONE_JS_TASK, compiled, write_js
from tests.flamenco_core.job_types.scripts import ONE_TASK, write_script

BUILTIN = [item.name for item in JobTypeLibrary().available()]


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        ("throw 'no, thank you';", None, "no, thank you"),
        ("throw { code: 7 };", None, '{"code":7}'),
        ("throw undefined;", None, "undefined"),
        ("0;\nthrow new Error('no frames');", 4, "no frames"),
        ("0;\n\njob.settings.text.nope();", 5, "TypeError"),
        ("undeclared = 1;", 3, "is not defined"),
        ("(function f() { f(); })();", 3, "stack"),
        ("job.addTask({ name: 'x' });", 3, "made by author.Task"),
        ("author.Task('x', 'misc').addCommand('echo');", 3, "made by author.Command"),
        ("author.Task('x', 'misc').addDependency(null);", 3, "made by author.Task"),
        ("author.Task('  ', 'misc');", 3, "author.Task wants a name and a type"),
        ("author.Task('x');", 3, "author.Task wants a name and a type"),
        ("author.Command();", 3, "author.Command wants a name"),
        ("const a = []; a.push(a); author.Command('c', { a });", 3, "contain themselves"),
        ("shellSplit('\"');", 3, "opened and not closed"),
        ("formatTimestampLocal('yesterday');", 3, "wants a time, not yesterday"),
        ("formatTimestampLocal(8.64e15);", 3, "out of range"),
        ("require('./missing');", 3, "there is no module “./missing”"),
        ("require('../../etc/passwd');", 3, "there is no module"),
        ("require('/etc/passwd');", 3, "there is no module"),
        ("job.settings.number = 0 / 0;", None, "“number” is NaN"),
        ("job.settings.loop = job.settings;", None, "circular"),
    ],
)
def test_what_is_thrown_is_the_error_with_its_line(
    tmp_path: Path, body: str, line: int | None, what: str
) -> None:
    path = write_js(tmp_path, "thrower", f"{body}\n{ONE_JS_TASK}")
    with pytest.raises(CompileError) as caught:
        compiled(tmp_path, "thrower")
    (problem,) = caught.value.problems
    assert what in problem.what
    assert problem.where == (str(path) if line is None else f"{path}, line {line}")


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError])
def test_a_script_cannot_swallow_what_is_not_meant_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    def interrupted(_text: str) -> list[str]:
        raise raised

    monkeypatch.setattr(javascript_run, "split_words", interrupted)
    for body in ("shellSplit('a');", "try { shellSplit('a'); } catch {}"):
        write_js(tmp_path, "catcher", f"{body}\n{ONE_JS_TASK}")
        with pytest.raises(raised):
            compiled(tmp_path, "catcher")


def test_bad_frames_are_blamed_on_the_setting_and_can_be_caught(tmp_path: Path) -> None:
    frames = '{ key: "frames", type: "string", required: true }'
    write_js(tmp_path, "chunky", "frameChunker(job.settings.frames, 0 || 2);", settings=frames)
    with pytest.raises(CompileError) as caught:
        compiled(tmp_path, "chunky", frames="10-1, a")
    assert [problem.where for problem in caught.value.problems] == ["settings.frames"] * 2
    with pytest.raises(CompileError, match="cannot render negative frames"):
        compiled(tmp_path, "chunky", frames="-4-1")
    write_js(
        tmp_path,
        "catcher",
        f"""
        try {{
            frameChunker("x", 1);
        }} catch (error) {{
            job.settings.text = error.message;
        }}
        {ONE_JS_TASK}
        """,
    )
    assert "“x” is neither a frame nor a range" in compiled(tmp_path, "catcher").settings["text"]


@pytest.mark.parametrize(
    ("body", "place", "what"),
    [
        ("", "tasks", "made no tasks"),
        ("job.tasks = 3;", "", "job.tasks holds something other than tasks"),
        ("job.tasks.push({});", "", "job.tasks holds something other than tasks"),
        ("task.commands = 1; job.addTask(task);", "line 4", "not iterable"),
        (
            "job.addTask(task); job.tasks[0].commands = {};",
            "",
            "commands of the task “t” are no list",
        ),
        ("job.name = '';", "name", "left the job without a name"),
        ("job.priority = 200;", "priority", "changed it to 200"),
        ("job.priority = 'high';", "priority", "changed it to 'high'"),
        ("job.settings = [];", "settings", "something else than an object"),
        ("job.metadata = null;", "metadata", "something else than an object"),
        ("job.metadata.count = 3;", "metadata.count", "is not text"),
        ("task.priority = 1.5;", "tasks[0] (t)", "its priority is 1.5"),
        ("task.uUID = 'x';", "tasks[0] (t)", "its id is 'x'"),
        ("job.addTask(task);", "tasks[1] (t)", "added to the job twice"),
        ("task.name = 5;", "tasks[0] (5)", "its name is 5"),
        ("task.addCommand(author.Command('echo'));", "tasks[0] (t), command 1 (echo)", "no param"),
        (
            "task.addCommand(author.Command('echo', { a: 1 }, -1));",
            "tasks[0] (t), command 1 (echo)",
            "its step count is -1",
        ),
        (
            "task.addDependency(author.Task('stranger', 'misc'));",
            "tasks[0] (t)",
            "depends on “stranger”, which is no task of this job",
        ),
        ("task.addDependency(task);", "tasks[0] (t)", "wait for each other in a circle"),
        (
            "task.addCommand(author.Command('echo', { text: '\\ud800' }));",
            "tasks[0] (t), command 1 (echo), parameters.text",
            "not valid Unicode",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_place(
    tmp_path: Path, body: str, place: str, what: str
) -> None:
    first, last = "const task = author.Task('t', 'misc');", "job.addTask(task);"
    if place in {"", "line 4", "tasks"}:
        last = ""
    path = write_js(tmp_path, "spoiler", f"{first}\n{body}\n{last}")
    with pytest.raises(CompileError) as caught:
        compiled(tmp_path, "spoiler")
    problem = caught.value.problems[0]
    assert what in problem.what
    assert problem.where in {place or str(path), f"{path}, {place}"}


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        ("const JOB_TYPE = {", "line 2", "SyntaxError"),
        ("\n\nconst JOB_TYPE = {};\nthrow 'top';\n", "bad.js", "top"),
        ("const JOB_TYPE = {};\nnope();\n", "line 2", "is not defined"),
        ("const JOB_TYPE = 5;\n", "bad.js", "JOB_TYPE is not an object"),
        ("const JOB_TYPE = null;\n", "bad.js", "JOB_TYPE is not an object"),
        ("const JOB_TYPE = { settings: [] };\n", "bad.js, JOB_TYPE.label", "is missing"),
        ("const JOB_TYPE = { label: 'x', settings: 1 };\n", "bad.js, JOB_TYPE.settings", "list"),
        (
            "const JOB_TYPE = { label: 'x', settings: [{ key: 'k', type: 'int' }] };\n",
            "bad.js, JOB_TYPE.settings[0].type",
            "int",
        ),
        (
            "const JOB_TYPE = { label: 'x', settings: [{ key: 'k', type: 'bool', default: 1 }] };",
            "bad.js, settings.k",
            "its default does not fit",
        ),
        ("const JOB_TYPE = require('./broken');\n", "broken.js, line 2", "SyntaxError"),
        ("const JOB_TYPE = require('./broken.json');\n", "line 1", "broken.json: "),
        ("const JOB_TYPE = { label: '\0' };\n", "bad.js", "cannot be read"),
    ],
)
def test_a_script_that_cannot_be_used_is_named_and_left_out(
    tmp_path: Path, source: str, where: str, what: str
) -> None:
    (tmp_path / "broken.js").write_text("exports.ok = 1;\nlet = ;\n")
    (tmp_path / "broken.json").write_text("{")
    path = tmp_path / "bad.js"
    path.write_text(f"{source}\nfunction compileJob(job) {{}}\n")
    library = JobTypeLibrary([tmp_path])
    assert [item.name for item in library.available()] == BUILTIN
    (problem,) = library.problems
    assert where in problem.where
    assert what in problem.what
    with pytest.raises(NotFound, match="“bad” cannot be used"):
        library.load("bad")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("var JOB_TYPE = {};\n// function compileJob(job) {}\n", "does not define compileJob"),
        ("function compileJob(job) { return JOB_TYPE == 1; }\n", "does not define JOB_TYPE"),
        ("JOB_TYPE = 1; compileJob = 2;" + " " * LARGEST_SCRIPT, "is larger than 1024 KiB"),
        ("\udcff", "is not UTF-8 text"),
    ],
)
def test_half_a_job_type_is_named(tmp_path: Path, source: str, what: str) -> None:
    (tmp_path / "half.js").write_bytes(source.encode("utf-8", "surrogateescape"))
    (problem,) = JobTypeLibrary([tmp_path]).problems
    assert problem.where == str(tmp_path / "half.js")
    assert what in problem.what


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x",
        "throw 'this was run';",
        "/* JOB_TYPE = 1; function compileJob() {} */ throw 'this was run'",
        "exports.JOB_TYPE = 1; exports.compileJob = 2; throw 'this was run'",
        "'JOB_TYPE' === compileJob",
    ],
)
def test_a_file_that_is_no_job_type_is_never_run(tmp_path: Path, source: str) -> None:
    (tmp_path / "module.js").write_text(source)
    library = JobTypeLibrary([tmp_path])
    assert library.problems == []
    assert [item.name for item in library.available()] == BUILTIN


def test_a_text_that_looks_like_a_comment_does_not_hide_a_job_type(tmp_path: Path) -> None:
    write_js(tmp_path, "globs", f"const all = `/x/*` + '/*' + \"//\";\n{ONE_JS_TASK}\n/* end */")
    assert compiled(tmp_path, "globs").tasks


def test_without_the_extra_a_script_is_named_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    path = write_js(tmp_path, "modern", ONE_JS_TASK)
    write_script(tmp_path, "classic", ONE_TASK)
    library = JobTypeLibrary([tmp_path])
    assert "modern" not in [item.name for item in library.available()]
    assert "classic" in [item.name for item in library.available()]
    (problem,) = library.problems
    assert problem.where == str(path)
    assert problem.what == "is written in JavaScript, which needs a library that is not installed"
    assert problem.hint == HOW_TO_INSTALL
    with pytest.raises(NotFound, match="flamenco-python"):
        library.get("modern")


def test_of_two_languages_in_one_folder_python_is_taken(tmp_path: Path) -> None:
    write_js(tmp_path, "twin", "throw 'the wrong one';")
    write_script(tmp_path, "twin", ONE_TASK)
    assert compiled(tmp_path, "twin").tasks[0].name == "only"
