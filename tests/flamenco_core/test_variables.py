from __future__ import annotations

import pytest

from flamenco_core.model import Audience
from flamenco_core.variables import Variable, Variables, VariableValue, expand


def variables(**values: list[VariableValue]) -> Variables:
    return Variables({name: Variable(tuple(listed)) for name, listed in values.items()})


EXAMPLE = variables(
    blender=[
        VariableValue("/opt/blender/blender", ("linux",)),
        VariableValue("C:\\Blender\\blender.exe", ("windows",)),
    ],
    args=[VariableValue("-b"), VariableValue("-b -y", ("linux",))],
    root=[
        VariableValue("/mnt/farm", audiences=frozenset({Audience.WORKERS})),
        VariableValue("/home/artist", audiences=frozenset({Audience.USERS})),
    ],
    shots=[VariableValue("{root}/shots")],
)


def value(name: str, audience: Audience, platform: str) -> str | None:
    found = EXAMPLE.resolved(audience, platform).get(name)
    return found.value if found else None


@pytest.mark.parametrize(
    ("name", "audience", "platform", "expected"),
    [
        ("blender", Audience.WORKERS, "linux", "/opt/blender/blender"),
        ("blender", Audience.WORKERS, "windows", "C:\\Blender\\blender.exe"),
        ("blender", Audience.WORKERS, "darwin", None),
        ("args", Audience.WORKERS, "linux", "-b -y"),
        ("args", Audience.WORKERS, "darwin", "-b"),
        ("root", Audience.WORKERS, "linux", "/mnt/farm"),
        ("root", Audience.USERS, "linux", "/home/artist"),
        ("shots", Audience.USERS, "linux", "/home/artist/shots"),
    ],
)
def test_a_value_is_picked_by_platform_and_audience(
    name: str, audience: Audience, platform: str, expected: str | None
) -> None:
    assert value(name, audience, platform) == expected


def test_placeholders_are_replaced_in_texts_lists_and_objects_but_not_in_keys() -> None:
    known = EXAMPLE.resolved(Audience.WORKERS, "linux")
    parameters = {
        "exe": "{blender}",
        "args": ["{args}", 5, {"{root}": "{root}/x"}],
        "python": "print({1: 2})",
        "unknown": "{nothing}",
    }
    assert expand(parameters, known) == {
        "exe": "/opt/blender/blender",
        "args": ["-b -y", 5, {"{root}": "/mnt/farm/x"}],
        "python": "print({1: 2})",
        "unknown": "{nothing}",
    }


def test_a_variable_without_a_value_for_the_platform_stays_as_it_is() -> None:
    assert expand("{blender}", EXAMPLE.resolved(Audience.WORKERS, "darwin")) == "{blender}"


def test_a_loop_between_variables_is_named_once() -> None:
    looped = variables(a=[VariableValue("{b}")], b=[VariableValue("{c}")], c=[VariableValue("{a}")])
    problems = looped.problems()
    assert len(problems) == 1
    assert "b → c → a" in problems[0].what
    assert EXAMPLE.problems() == []


def test_resolving_a_loop_ends() -> None:
    assert "a" in variables(a=[VariableValue("{a}{a}")]).resolved(Audience.USERS, "linux")
