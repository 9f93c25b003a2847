"""Finding job types: which files count, what replaces what, and what is said of broken ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flamenco_core.errors import NotFound
from flamenco_core.job_types.library import BUILTIN_FOLDER, JobTypeLibrary
from flamenco_core.job_types.script import LARGEST_SCRIPT
from flamenco_core.model import SettingSubtype, SettingType, SettingVisibility
from tests.flamenco_core.job_types.scripts import ONE_TASK, write_script

BUILTIN = [
    "echo-sleep-test",
    "progressive-render",
    "run-command",
    "simple-blender-render",
    "single-image-render",
    "video-edit-render",
]


def names(library: JobTypeLibrary) -> list[str]:
    return [job_type.name for job_type in library.available()]


def test_the_built_in_types_are_there_without_any_folder(tmp_path: Path) -> None:
    library = JobTypeLibrary([tmp_path / "missing"])
    assert names(library) == BUILTIN
    assert library.problems == []


def test_the_name_comes_from_the_file(tmp_path: Path) -> None:
    write_script(tmp_path, "say_it_often", ONE_TASK)
    assert names(JobTypeLibrary([tmp_path])) == sorted([*BUILTIN, "say-it-often"])


def test_a_folders_own_script_replaces_the_built_in_one_and_a_later_folder_wins(
    tmp_path: Path,
) -> None:
    paths = [write_script(tmp_path / folder, "echo_sleep_test", ONE_TASK) for folder in ("a", "b")]
    library = JobTypeLibrary([tmp_path / "a", tmp_path / "b"])
    assert names(library) == BUILTIN
    assert library.load("echo-sleep-test").path == paths[1]
    paths[1].unlink()
    assert library.load("echo-sleep-test").path == paths[0]
    paths[0].unlink()
    assert library.load("echo-sleep-test").path == BUILTIN_FOLDER / "echo_sleep_test.py"


def test_a_module_that_is_no_job_type_is_never_run(tmp_path: Path) -> None:
    trap = "raise SystemExit('this was run')\n"
    (tmp_path / "tools.py").write_text(trap)
    (tmp_path / "nested.py").write_text(
        f"{trap}class A:\n    JOB_TYPE = 1\n    def compile_job(self): pass\n"
    )
    (tmp_path / "notes.txt").write_text("JOB_TYPE compile_job")
    (tmp_path / "_private.py").write_text(f"{trap}JOB_TYPE = 1\ndef compile_job(job): pass\n")
    (tmp_path / "folder.py").mkdir()
    library = JobTypeLibrary([tmp_path])
    assert names(library) == BUILTIN
    assert library.problems == []
    with pytest.raises(NotFound, match=r"no job type “tools” \(known: echo"):
        library.get("tools")


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        ("JOB_TYPE = (\n", "line 1", "is not valid Python"),
        ("\0", "bad.py", "is not valid Python"),
        ("# coding: nonsense\n", "bad.py", "is not valid Python"),
        ("JOB_TYPE = 1\n", "bad.py", "does not define compile_job"),
        ("def compile_job(job): pass\n", "bad.py", "does not define JOB_TYPE"),
        ("JOB_TYPE: int\ndef compile_job(job): pass\n", "bad.py", "does not define JOB_TYPE"),
        ("JOB_TYPE = {}\ndef compile_job(job): pass\n", "bad.py", "JOB_TYPE is of type dict"),
        (
            "JOB_TYPE = 1\ndef compile_job(job): pass\n\nprint(1 / 0)\n",
            "line 4",
            "ZeroDivisionError: division by zero",
        ),
        ("JOB_TYPE = 1\ndef compile_job(job): pass\nexit(1)\n", "line 3", "SystemExit: 1"),
        ("JOB_TYPE = 1\ndef compile_job(job): pass\ndel JOB_TYPE\n", "bad.py", "JOB_TYPE"),
        ("#" * (LARGEST_SCRIPT + 1), "bad.py", "is larger than 1024 KiB"),
        ("x = " + "-" * 100_000 + "1", "bad.py", "is not valid Python"),
        ("x = " + "(" * 5000 + ")" * 5000, "bad.py", "is not valid Python"),
    ],
)
def test_a_broken_script_is_skipped_and_named(
    tmp_path: Path, source: str, where: str, what: str
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    library = JobTypeLibrary([tmp_path])
    assert names(library) == BUILTIN
    (problem,) = library.problems
    assert str(path) in problem.where
    assert where in problem.where
    assert what in problem.what
    with pytest.raises(NotFound, match="“bad” cannot be used") as caught:
        library.get("bad")
    assert list(caught.value.problems) == [problem]


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ("Setting('a', 'text')", "JOB_TYPE.settings[0].type", "must be one of string, int32"),
        ("Setting('a', 'string', choices=[1])", "JOB_TYPE.settings[0].choices[0]", "must be a t"),
        ("Setting('a', 'string', default=object())", "JOB_TYPE.settings[0].default", "cannot be"),
        ("Setting('a', 'bool'), Setting('a', 'bool')", "settings.a", "is defined twice"),
        ("{'key': 'a'}", "JOB_TYPE.settings", "must be a list of Setting"),
    ],
)
def test_a_bad_definition_is_named_with_file_and_place(
    tmp_path: Path, settings: str, where: str, what: str
) -> None:
    path = write_script(tmp_path, "bad", ONE_TASK, settings=settings)
    (problem,) = JobTypeLibrary([tmp_path]).problems
    assert problem.where == f"{path}, {where}"
    assert what in problem.what


def test_a_broken_replacement_leaves_the_built_in_type_in_place(tmp_path: Path) -> None:
    (tmp_path / "echo_sleep_test.py").write_text("JOB_TYPE = \n")
    library = JobTypeLibrary([tmp_path])
    assert names(library) == BUILTIN
    assert len(library.problems) == 1
    assert library.load("echo-sleep-test").path.parent == BUILTIN_FOLDER


def test_edits_count_at_the_next_use_and_unchanged_files_are_not_read_again(
    tmp_path: Path,
) -> None:
    path = write_script(tmp_path, "mine", ONE_TASK)
    library = JobTypeLibrary([tmp_path])
    first = library.get("mine")
    assert library.get("mine").etag == first.etag
    status = path.stat()
    path.write_bytes(b" " * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert library.get("mine") == first
    write_script(tmp_path, "mine", ONE_TASK, settings="Setting('x', 'bool')")
    assert library.get("mine").etag != first.etag
    path.unlink()
    with pytest.raises(NotFound):
        library.get("mine")


def test_a_script_that_was_mended_is_no_problem_any_more(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("JOB_TYPE = 1\n")
    library = JobTypeLibrary([tmp_path])
    assert len(library.problems) == 1
    write_script(tmp_path, "mine", ONE_TASK)
    assert library.problems == []
    assert library.get("mine").name == "mine"


def test_nothing_carries_over_from_one_loading_to_the_next(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", "SEEN.append(1); assert len(SEEN) == 1", top="SEEN = []")
    library = JobTypeLibrary([tmp_path])
    first, second = library.load("mine"), library.load("mine")
    assert first.compile_job is not second.compile_job


def test_a_definition_becomes_what_the_api_shows(tmp_path: Path) -> None:
    write_script(
        tmp_path,
        "mine",
        ONE_TASK,
        settings="Setting('path', 'string', subtype='dir_path', label='Path', description='d',"
        "choices=('a', 'b'), default='a', eval='C.scene.name', visible='web', required=True,"
        "eval_info=EvalInfo(description='scene'), editable=False, propargs={'min': 1})",
    )
    (setting,) = JobTypeLibrary([tmp_path]).get("mine").settings
    assert (setting.type, setting.subtype) == (SettingType.STRING, SettingSubtype.DIR_PATH)
    assert (setting.label, setting.description, setting.default) == ("Path", "d", "a")
    assert (setting.choices, setting.propargs) == (["a", "b"], {"min": 1})
    assert setting.evalInfo is not None
    assert (setting.evalInfo.showLinkButton, setting.evalInfo.description) == (False, "scene")
    assert (setting.visible, setting.required, setting.editable) == (
        SettingVisibility.WEB,
        True,
        False,
    )


def test_scripts_may_define_dataclasses(tmp_path: Path) -> None:
    top = "from __future__ import annotations\nimport dataclasses\n"
    body = "@dataclasses.dataclass\nclass Tile:\n    x: int\n"
    path = tmp_path / "tiles.py"
    write_script(tmp_path, "tiles", ONE_TASK)
    path.write_text(f"{top}{path.read_text()}\n{body}")
    library = JobTypeLibrary([tmp_path])
    assert library.problems == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    # Reading it at its beginning is an input/output error, for root too.
    (tmp_path / "mine.py").symlink_to("/proc/self/mem")
    library = JobTypeLibrary([tmp_path])
    assert names(library) == BUILTIN
    (problem,) = library.problems
    assert problem.where == str(tmp_path / "mine.py")
    assert "cannot be read" in problem.what


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "scripts"
    folder.write_text("")
    library = JobTypeLibrary([folder])
    assert names(library) == BUILTIN
    assert [problem.where for problem in library.problems] == [str(folder)]
