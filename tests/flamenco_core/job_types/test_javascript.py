"""Job types in JavaScript: the world that Flamenco 3's scripts expect."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.job_types.authoring import format_timestamp_local
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import (
    JobStorageInfo,
    SettingSubtype,
    SettingType,
    SettingVisibility,
    SubmittedJob,
)
from flamenco_core.statuses import JobStatus
from tests.flamenco_core.job_types.javascript_scripts import (
    JOB_ID,
    ONE_JS_TASK,
    compiled,
    compiled_submission,
    results,
    write_js,
)
from tests.flamenco_core.job_types.scripts import CREATED

GREETING = """
const JOB_TYPE = {
    label: "Echo Sleep Test",
    settings: [
        { key: "message", type: "string", required: true },
        { key: "sleep_duration_seconds", type: "int32", default: 1 },
        { key: "sleep_repeats", type: "int32", default: 1 },
    ],
};

function compileJob(job) {
    print("nothing to see here");
}
"""
"""Says of itself what Flamenco 3's job type of this name does; its etag there is known."""


def test_frame_functions_take_flamenco_3s_notation_and_ours(tmp_path: Path) -> None:
    assert results(
        tmp_path,
        'frameChunker("7..12, 3", 3)',
        'frameChunker("1-4", 2)',
        'frameChunker("5,5,6", 9.7)',
        'frameChunker("reversed: 1-9x2", "2")',
        "frameChunker(47, 4)",
        'frameCount("1-3,3-5")',
    ) == [["3,7,8", "9-11", "12"], ["1,2", "3,4"], ["5,6"], ["9", "5,7", "1,3"], ["47"], 5]


def test_path_functions_know_both_separators(tmp_path: Path) -> None:
    assert results(
        tmp_path,
        r'path.basename("D:\\a\\b.c")',
        'path.basename("")',
        r'path.dirname("D:\\a\\b.c")',
        r'path.dirname("\\\\server\\share\\x")',
        'path.join("/x/", "../y")',
        'path.join("/x", "", `*${".png"}`)',
        'path.stem("/q/r.tar.gz")',
    ) == ["b.c", ".", "D:/a", "//server/share", "/y", "/x/*.png", "r.tar"]


def test_process_tells_platform_and_folder(tmp_path: Path) -> None:
    platform = {"win32": "windows"}.get(sys.platform, sys.platform)
    assert results(tmp_path, "process.platform", "process.cwd()") == [platform, str(Path.cwd())]


def test_times_are_written_where_the_manager_is(tmp_path: Path) -> None:
    timestamp = format_timestamp_local(CREATED)
    assert results(
        tmp_path,
        "formatTimestampLocal(job.created)",
        "formatTimestampLocal(new Date(job.created.getTime()))",
        "formatTimestampLocal(job.created.toISOString())",
        "job.created instanceof Date && job.created.getUTCFullYear()",
    ) == [timestamp, timestamp, timestamp, CREATED.year]


def test_words_are_split_as_in_a_shell(tmp_path: Path) -> None:
    words = "shellSplit(\"--a 'b c' d#e # not this\")"
    assert results(tmp_path, words) == [["--a", "b c", "d#e"]]


def test_a_job_shows_what_was_submitted(tmp_path: Path) -> None:
    names = "jobID name jobType priority status settings metadata storage workerTagUUID tasks"
    members = ", ".join(f"{name}: job.{name}" for name in names.split())
    write_js(
        tmp_path,
        "mirror",
        f"""
        const seen = {{ {members} }};
        const task = author.Task("t", "misc");
        task.addCommand(author.Command("echo", seen));
        job.addTask(task);
        """,
    )
    submitted = SubmittedJob(
        name="ünïcode “job”\n\u2028",
        type="mirror",
        priority=73,
        settings={"text": "🎬 </script>", "number": -4},
        metadata={"project": "x"},
        submitter_platform="windows",
        storage=JobStorageInfo(shaman_checkout_id="ab/cd"),
        worker_tag="8b8a5a3c-9f8b-4e3c-8d0f-6a1d3c2b1a00",
    )
    job = compiled_submission(tmp_path, submitted)
    assert job.tasks[0].commands[0].parameters == {
        "jobID": JOB_ID,
        "name": submitted.name,
        "jobType": "mirror",
        "priority": 73,
        "status": "under-construction",
        "settings": submitted.settings,
        "metadata": {"project": "x"},
        "storage": {"shamanCheckoutID": "ab/cd"},
        "workerTagUUID": submitted.worker_tag,
        "tasks": [],
    }
    assert (job.name, job.priority, job.worker_tag) == (submitted.name, 73, submitted.worker_tag)
    assert (job.storage, job.created, job.status) == (submitted.storage, CREATED, JobStatus.QUEUED)


def test_what_a_script_changes_about_the_job_is_stored(tmp_path: Path) -> None:
    write_js(
        tmp_path,
        "changer",
        f"""
        job.settings.text = job.settings.text.toUpperCase();
        job.settings["added"] = [1, 2.5, null, {{ deep: true }}];
        delete job.settings.number;
        job.metadata.seen = "yes";
        job.name += " again";
        job.priority = 12;
        job.workerTagUUID = "";
        {ONE_JS_TASK}
        """,
    )
    job = compiled(tmp_path, "changer", text="abc")
    assert job.settings == {"text": "ABC", "added": [1, 2.5, None, {"deep": True}]}
    assert (job.metadata, job.name, job.priority) == ({"seen": "yes"}, "the job again", 12)
    assert job.worker_tag is None


def test_tasks_have_readable_and_writable_members(tmp_path: Path) -> None:
    write_js(
        tmp_path,
        "members",
        """
        const first = new author.Task("  first ", " misc ");
        first.addCommand(author.Command("echo", { message: first.uUID }, 7));
        const second = author.Task("second", "blender");
        second.name = `${first.name}, then another`;
        second.type = "ffmpeg";
        second.priority = first.priority + 11;
        second.addDependency(first);
        second.commands.push(author.Command(" sleep ", { duration_in_seconds: 1.5 }));
        if (second.dependencies[0].name !== "first" || second.commands.length !== 1) {
            throw "members cannot be read";
        }
        job.addTask(first);
        job.addTask(second);
        """,
    )
    first, second = compiled(tmp_path, "members").tasks
    assert (first.name, first.type, first.priority, first.steps_total) == ("first", "misc", 50, 7)
    assert first.commands[0].parameters == {"message": first.id}
    assert (second.name, second.type, second.priority) == ("first, then another", "ffmpeg", 61)
    assert (second.depends_on, second.commands[0].name) == ([0], "sleep")


def test_a_job_holds_copies_of_tasks_and_a_task_copies_of_commands(tmp_path: Path) -> None:
    write_js(
        tmp_path,
        "copies",
        """
        const parameters = { message: "as handed over", list: [1] };
        const command = author.Command("echo", parameters);
        parameters.message = "too late";
        parameters.list.push(2);
        const task = author.Task("kept", "misc");
        task.addCommand(command);
        command.name = "too-late";
        job.addTask(task);
        task.name = "too late";
        task.priority = 1;
        task.addCommand(author.Command("too-late", { a: 1 }));
        task.addDependency(author.Task("too late", "misc"));
        job.tasks[0].type = "ffmpeg";
        """,
    )
    (task,) = compiled(tmp_path, "copies").tasks
    assert (task.name, task.priority, task.depends_on, task.type) == ("kept", 50, [], "ffmpeg")
    (command,) = task.commands
    assert command.name == "echo"
    assert command.parameters == {"message": "as handed over", "list": [1]}


def test_a_task_may_wait_for_one_that_is_added_later(tmp_path: Path) -> None:
    write_js(
        tmp_path,
        "later",
        """
        const tasks = ["a", "b", "c"].map((name) => author.Task(name, "misc"));
        for (const task of tasks) {
            task.addCommand(author.Command("echo", { message: task.name }));
        }
        tasks[0].addDependency(tasks[2]);
        tasks[0].addDependency(tasks[1]);
        tasks.forEach((task) => job.addTask(task));
        """,
    )
    assert [task.depends_on for task in compiled(tmp_path, "later").tasks] == [[1, 2], [], []]


def test_any_task_type_and_tasks_without_commands_are_taken(tmp_path: Path) -> None:
    write_js(tmp_path, "own", 'job.addTask(author.Task("all of it", "houdini"));')
    (task,) = compiled(tmp_path, "own").tasks
    assert (task.type, task.commands, task.steps_total) == ("houdini", [], 0)


def test_print_and_alert_take_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = f"""
    print("frames", 3, [1, {{ a: null }}], undefined, compileJob.name, job.created);
    alert(new Error("careful"), job.settings);
    {ONE_JS_TASK}
    """
    write_js(tmp_path, "talker", body)
    compiled(tmp_path, "talker", text="x", number=1)
    said = capsys.readouterr()
    assert said.out == 'frames 3 [1,{"a":null}] undefined compileJob "2026-02-03T04:05:06.000Z"\n'
    assert said.err == 'Error: careful {"text":"x","number":1}\n'


def test_modules_are_required_by_every_usual_name(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "farm").mkdir()
    (tmp_path / "farm/names.js").write_text("exports.greeting = (who) => `hello, ${who}`;")
    (tmp_path / "farm/sizes.json").write_text('{"tile": 64}')
    (tmp_path / "farm/kit").mkdir()
    (tmp_path / "farm/kit/package.json").write_text('{"main": "lib/entry"}')
    (tmp_path / "farm/kit/lib").mkdir()
    (tmp_path / "farm/kit/lib/entry.js").write_text(
        "const up = require('../../names'); module.exports = { up, here: __filename, __dirname };"
    )
    (tmp_path / "farm/plain").mkdir()
    (tmp_path / "farm/plain/index.js").write_text("undeclared = 1; exports.loose = undeclared;")
    (tmp_path / "other/shared.js").write_text("module.exports = class { constructor() {} };")
    write_js(
        tmp_path / "farm",
        "requirer",
        """
        const names = require("./names");
        const found = [
            names.greeting("you"),
            names === require("names.js"),
            require("./sizes").tile,
            require("sizes.json") === require("./sizes.json"),
            require("./kit").here,
            require("kit").up === names,
            require("./plain").loose,
            typeof require("shared"),
            require("author") === author && require("path") === path,
            require("process") === process,
        ];
        const task = author.Task("t", "misc");
        task.addCommand(author.Command("echo", { message: found }));
        job.addTask(task);
        """,
    )
    library = JobTypeLibrary([tmp_path / "other", tmp_path / "farm"])
    assert "requirer" in [item.name for item in library.available()]
    assert library.problems == []
    folder = tmp_path / "farm"
    # The folders as above; `shared` lies in the other one.
    (folder / "shared.js").write_bytes((tmp_path / "other/shared.js").read_bytes())
    found = compiled(folder, "requirer").tasks[0].commands[0].parameters["message"]
    here = str(folder / "kit/lib/entry.js")
    assert found == ["hello, you", True, 64, True, here, True, 1, "function", True, True]


def test_modules_that_require_each_other_see_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("exports.early = 1; exports.b = require('./b').seen;")
    (tmp_path / "b.js").write_text("exports.seen = Object.keys(require('./a'));")
    assert results(tmp_path, "require('a').b") == [["early"]]


def test_an_edited_module_counts_at_the_next_use(tmp_path: Path) -> None:
    module = tmp_path / "labels.json"
    module.write_text('"first"')
    (tmp_path / "labelled.js").write_text(
        "const JOB_TYPE = { label: require('./labels'), settings: [] };\n"
        "var compileJob = function (job) {};\n"
    )
    library = JobTypeLibrary([tmp_path])

    def label() -> str:
        return next(item.label for item in library.available() if item.name == "labelled")

    assert label() == "first"
    module.write_text('"second one"')
    assert label() == "second one"
    (tmp_path / "labels").write_text("not a module")  # is looked at before labels.json
    assert "labelled" not in [item.name for item in library.available()]
    (tmp_path / "labels").unlink()
    assert label() == "second one"


def test_the_definition_and_its_etag_are_those_of_flamenco_3(tmp_path: Path) -> None:
    (tmp_path / "echo_sleep_test.js").write_text(GREETING)
    found = JobTypeLibrary([tmp_path]).get("echo-sleep-test")
    assert found.etag == "eba586e16d6b55baaa43e32f9e78ae514b457fee"
    assert [setting.key for setting in found.settings] == [
        "message",
        "sleep_duration_seconds",
        "sleep_repeats",
    ]


def test_every_field_of_a_setting_is_taken(tmp_path: Path) -> None:
    write_js(
        tmp_path,
        "fields",
        "",
        settings="""
        {
            key: "out", type: "string", subtype: "dir_path", choices: ["a", "b"],
            propargs: { maxlen: 3, nested: { none: null } }, description: "what", label: "Out",
            default: "b", eval: "1 < 2", evalInfo: { showLinkButton: true, description: "why" },
            visible: "web", required: true, editable: false, unheardOf: [1],
        },
        { key: "bare", type: "float", default: null, eval: undefined, description: null },
        { key: "must", type: "string", required: true, default: "" },
        """,
    )
    out, bare, must = JobTypeLibrary([tmp_path]).get("fields").settings
    assert (out.type, out.subtype) == (SettingType.STRING, SettingSubtype.DIR_PATH)
    assert (out.choices, out.default, out.visible) == (["a", "b"], "b", SettingVisibility.WEB)
    assert out.propargs == {"maxlen": 3, "nested": {"none": None}}
    assert (out.description, out.label, out.eval) == ("what", "Out", "1 < 2")
    assert out.evalInfo is not None
    assert (out.evalInfo.showLinkButton, out.evalInfo.description) == (True, "why")
    assert (out.required, out.editable) == (True, False)
    assert (bare.default, bare.eval, bare.required) == (None, None, None)
    assert must.default == ""


def test_scripts_are_strict_and_start_afresh_each_time(tmp_path: Path) -> None:
    write_js(
        tmp_path,
        "counting",
        f"""
        globalThis.times = (globalThis.times ?? 0) + 1;
        job.settings.number = globalThis.times;
        job.settings.text = String((function () {{ return this; }})());
        {ONE_JS_TASK}
        """,
    )
    library_use: list[dict[str, Any]] = [compiled(tmp_path, "counting").settings for _ in range(2)]
    assert library_use == [{"text": "undefined", "number": 1}] * 2


def test_globals_can_be_hidden_by_a_scripts_own_names(tmp_path: Path) -> None:
    (tmp_path / "hider.js").write_text(
        'const path = require("path"), author = require("author");\n'
        "let print = null, JSON = null;\n"
        'const JOB_TYPE = { label: "x", settings: [] };\n'
        "const compileJob = (job) => {\n"
        '  const task = author.Task(path.stem("a/b.c"), "misc");\n'
        '  task.addCommand(author.Command("echo", { message: 1 }));\n'
        "  job.addTask(task);\n};\n"
    )
    assert compiled(tmp_path, "hider").tasks[0].name == "b"


def test_a_bom_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = write_js(tmp_path, "from_windows", ONE_JS_TASK)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert compiled(tmp_path, "from-windows").tasks
