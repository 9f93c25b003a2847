from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_worker.blender.render_arguments import PYTHON_EXIT_CODE, RenderArguments


def arguments(*after: str, before: tuple[str, ...] = ()) -> RenderArguments:
    return RenderArguments(["blender", "-b"], before, "scene.blend", after)


def without_reports(line: list[str]) -> list[str]:
    """The command line without the calls that the worker has put in."""
    kept: list[str] = []
    for argument in line:
        if "in_blender_report" in argument:
            assert kept.pop() == "--python-expr"
        else:
            kept.append(argument)
    return kept


def test_reports_stand_around_each_render_and_all_else_keeps_its_place() -> None:
    given = [
        "-S",
        "A",
        "-o",
        "x",
        "-f",
        "1",
        "--python-expr",
        "-f",
        "-o",
        "y",
        "-a",
        "--",
        "-f",
        "9",
    ]
    line = arguments(*given, before=("-noaudio",)).for_render(".attempt-1-x", "task")
    assert without_reports(line) == [
        *("blender", "-b", "--python-exit-code", str(PYTHON_EXIT_CODE), "-noaudio", "scene.blend"),
        *given,
    ]
    reports = [argument for argument in line if "in_blender_report" in argument]
    assert len(reports) == 4
    assert "'frames': '1'" in reports[0]
    assert "'frames': None" in reports[2]
    assert all("restore" in report for report in reports[1::2])


def test_an_exit_code_for_python_that_is_given_stays() -> None:
    line = arguments("--python-exit-code", "3", "-f", "1").for_render("x", "task")
    assert line.count("--python-exit-code") == 1


def test_a_query_renders_nothing() -> None:
    line = arguments("-o", "x", "-f", "1", "-a").for_query()
    assert without_reports(line)[-3:] == ["scene.blend", "-o", "x"]


def test_only_the_frames_left_are_rendered() -> None:
    line = arguments("-o", "x", "-f", "1..5", "-a", "-f", "7").for_render(
        "x", "task", {0: [], 1: [2, 3, 5], 2: [7]}
    )
    assert without_reports(line)[-6:] == [
        *("-o", "x", "--render-frame", "2,3,5", "--render-frame", "7")
    ]


def test_the_format_asked_for_is_that_in_front_of_the_render() -> None:
    given = arguments("-f", "1", "-F", "TGA", "-f", "2", "-F", "PNG", "-a")
    assert [given.format_of(render) for render in range(3)] == [None, "TARGA", "PNG"]


@pytest.mark.parametrize(
    ("output", "frames", "found"),
    [
        ("######", "1..3", True),
        ("######", "4", False),
        ("######", "+0", True),
        ("######", " -3", True),
        ("####", "2", False),
        ("shot_##_x", "5", True),
        ("shot_##_x", "6", False),
        ("image", "7", True),
        ("other", "7", False),
    ],
)
def test_frames_that_may_be_there_are_told_by_their_names(
    tmp_path: Path, output: str, frames: str, found: bool
) -> None:
    for name in ("000002.png", "-000003.png", "shot_05_x.exr", "image0007.jpg"):
        (tmp_path / name).touch()
    assert arguments("-o", f"{tmp_path}/{output}", "-f", frames).might_find_frames() is found


def test_paths_that_only_blender_understands_may_hold_anything(tmp_path: Path) -> None:
    assert arguments("-o", "//out/####", "-f", "1").might_find_frames()
    assert arguments("-o", "/x/{blend_name}/####", "-f", "1").might_find_frames()
    assert not arguments("-o", f"{tmp_path}/none/####", "-f", "1").might_find_frames()
