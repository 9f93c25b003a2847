"""RNA overrides: what is valid, and where they go on Blender's command line."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command
from flamenco_core.rna_overrides import MAX_CHARACTERS, checked_overrides, with_overrides


def render(*arguments: object) -> Command:
    parameters: dict[str, Any] = {"exe": "blender", "args": [*arguments]}
    return Command(name="blender-render", parameters=parameters, total_step_count=1)


def shape(command: Command) -> str:
    """The arguments, with `!` in place of the overrides."""
    arguments = command.parameters["args"]
    text = " ".join(map(str, arguments))
    for argument in arguments:
        if "RNA overrides" in str(argument):
            text = text.replace(f"--python-expr {argument}", "!")
    return text


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([], []),
        (["", "  "], []),
        (["x = 1"], ["x = 1"]),
        (["for a in D.objects:", "    a.hide_render = True", ""], 2),
        (["a = 1\r\nb = 2", "c = 3"], ["a = 1", "b = 2", "c = 3"]),
        (["text = 'a\u2028b'  # ü", "# only a remark", "path = '\\d'"], 3),
    ],
)
def test_valid_lines_are_kept_one_by_one(lines: list[str], kept: list[str] | int) -> None:
    expected = lines[:kept] if isinstance(kept, int) else kept
    assert checked_overrides(lines) == expected


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        (["a = 1", "b = = 2"], "rna_overrides[1]", "line 2, column 5: invalid syntax"),
        (["if C:", "x = 1"], "rna_overrides[1]", "line 2, column 1: expected an indented block"),
        (["a = 1\nb = (", "c"], "rna_overrides[1]", "line 2, column 5: '(' was never closed"),
        (["return 1"], "rna_overrides[0]", "line 1, column 1: 'return' outside function"),
        (["a = '\0'"], "rna_overrides", "null bytes"),
        (["(" * 9000 + ")" * 5000], "rna_overrides", "too many nested parentheses"),
        (["x" * (MAX_CHARACTERS + 1)], "rna_overrides", "16000 is the limit"),
    ],
)
def test_invalid_python_is_refused_with_line_and_column(
    lines: list[str], where: str, what: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_overrides(lines)
    (problem,) = caught.value.problems
    assert where in problem.where
    assert what in problem.what


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-S A --python-expr p -o /x -F PNG -f 1", "-S A --python-expr p ! -o /x -F PNG -f 1"),
        ("--scene A --render-frame 1..3", "--scene A ! --render-frame 1..3"),
        ("-f 1 -f 2 -a", "! -f 1 -f 2 -a"),
        ("-S A -f 1 -S B -o /x -a", "-S A ! -f 1 -S B ! -o /x -a"),
        ("--python-expr -f -E CYCLES -a", "--python-expr -f -E CYCLES ! -a"),
        ("--python own.py -- -f 3", "! --python own.py -- -f 3"),
        ("-x 1 -t 3 -- -a", "! -x 1 -t 3 -- -a"),
    ],
)
def test_overrides_come_after_the_scene_and_before_what_the_task_renders(
    arguments: str, expected: str
) -> None:
    assert shape(with_overrides(render(*arguments.split()), ["x = 1"])) == expected


def test_numbers_among_the_arguments_are_no_obstacle() -> None:
    assert shape(with_overrides(render("-t", 4, "-f", 7), ["x = 1"])) == "-t 4 ! -f 7"


def test_the_lines_become_one_that_does_the_same() -> None:
    lines = ["a = [", "    '\\'\"{jobs}\\n\u2028',", "]", "if a:", "    b = len(a[0])"]
    expression = with_overrides(render("-a"), lines).parameters["args"][1]
    assert len(expression.splitlines()) == 1
    seen: dict[str, Any] = {}
    exec(expression.partition("C, D = bpy.context, bpy.data; ")[2], seen)
    assert (seen["a"], seen["b"]) == (["'\"{jobs}\n\u2028"], 10)


def test_commands_that_do_not_render_and_jobs_without_lines_are_left_alone() -> None:
    echo = Command(name="echo", parameters={"args": ["-a"]}, total_step_count=0)
    odd = Command(name="blender-render", parameters={"args": "-a"}, total_step_count=0)
    plain = render("-a")
    assert with_overrides(echo, ["x = 1"]) is echo
    assert with_overrides(odd, ["x = 1"]) is odd
    assert with_overrides(plain, []) is plain


def test_code_that_python_cannot_read_is_refused_with_a_reason() -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_overrides(["-" * 15_000 + "1"])
    [problem] = refusal.value.problems
    assert problem.where == "rna_overrides"
    assert problem.what.rpartition(": ")[2], "it says why"


def test_lines_may_come_as_one_text() -> None:
    assert checked_overrides("C.scene.cycles.samples = 16\nx = 1\n") == [
        "C.scene.cycles.samples = 16",
        "x = 1",
    ]


def test_what_is_no_text_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"rna_overrides\[1\]: must be a text, not 3"):
        checked_overrides(["x = 1", 3])  # type: ignore[list-item]
