"""Failures are told apart by what programs really print when they fail."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.rules.failure_classes import (
    BUILT_IN,
    FailureClass,
    FailurePolicy,
    classify,
    parse_failure_classes,
    policy_after,
)

RECORDINGS = Path(__file__).parents[2] / "flamenco_worker" / "recordings"


def name_of(text: str) -> str | None:
    found = classify(text, BUILT_IN)
    return found.name if found else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("System is out of GPU memory", "out-of-memory"),
        ("Error: Out of memory in CUDA queue enqueue (integrator_shade_surface)", "out-of-memory"),
        ("CUDA error (cuMemAlloc): CUDA_ERROR_OUT_OF_MEMORY", "out-of-memory"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "out-of-memory"),
        ("Malloc returns null: len=4294967296 in imb_addrect, total 1073741824", "out-of-memory"),
        ("MemoryError: Unable to allocate 12.0 GiB for an array", "out-of-memory"),
        ("fork: Cannot allocate memory", "out-of-memory"),
        ("Failed to create CUDA context (No CUDA-capable device is detected)", "no-gpu"),
        ("CUDA cuInit: CUDA_ERROR_NO_DEVICE", "no-gpu"),
        ("No compute device found", "no-gpu"),
        ("Error: no GPU devices were found", "no-gpu"),
        ("Unable to open a display by the rendering system, exiting.", "no-gpu"),
        ("OSError: [Errno 28] No space left on device: '/render/shot/0001.exr'", "disk-full"),
        ("write: No space left on device", "disk-full"),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk-full"),
        ("Disk quota exceeded", "disk-full"),
        ("Failed to check out a license for Redshift", "licence"),
        ("License server machine is down or not responding.", "licence"),
        ("FLEXlm license checkout failed", "licence"),
        ("license server is busy", "licence"),
        ("Licensed number of users already reached (-4,132)", "licence"),
        ("RLM: all licenses in use (-22)", "licence"),
        ("No license available for product X-Particles", "licence"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/lib/a.py'", "missing-file"),
        ("The system cannot find the path specified.", "missing-file"),
        ("ModuleNotFoundError: No module named 'studio_tools'", "missing-module"),
        ("NameError: name 'bpyy' is not defined", "python-error"),
        ("KeyError: 'bpy_prop_collection[key]: key \"Camera\" not found'", "python-error"),
        ("Fra:1 Mem:10.11M (Peak 10.82M) | Time:00:00.04 | Rendering 1 / 64 samples", None),
        ("This program is licensed under the GNU General Public License", None),
        ("frame errno 281 is fine", None),
        ("Saved: '/projects/memory of no space/000001.png'", None),
    ],
)
def test_a_line_shows_its_class(line: str, expected: str | None) -> None:
    assert name_of(f"Blender 4.5.1\n{line}\nBlender quit\n") == expected


@pytest.mark.parametrize("version", ["3.4", "4.2", "4.3", "4.5", "5.0", "5.2"])
@pytest.mark.parametrize(
    ("recording", "expected"),
    [
        ("out-of-memory", "out-of-memory"),
        ("python-no-module", "missing-module"),
        ("missing-file", "missing-file"),
        ("cannot-save", "missing-file"),
        ("python-no-script", "missing-file"),
        ("python-raises-with-exit-code", "python-error"),
        ("two-frames", None),
        ("no-camera", None),
        ("skipped", None),
    ],
)
def test_recorded_blenders_are_understood(
    version: str, recording: str, expected: str | None
) -> None:
    text = (RECORDINGS / f"{version}-{recording}.txt").read_text(encoding="utf-8")
    assert name_of(text) == expected


def test_what_passes_by_itself_goes_before_what_python_made_of_it() -> None:
    log = "Traceback (most recent call last):\nValueError: no frame\nNo space left on device\n"
    assert name_of(log) == "disk-full"


def test_only_the_end_of_a_log_counts() -> None:
    assert name_of("No space left on device\n" + "Fra:1\n" * 200) is None


def test_a_task_waits_so_often_and_then_fails_like_any_other() -> None:
    waiting = FailureClass(
        name="x",
        patterns=(re.compile("x"),),
        policy=FailurePolicy.WAIT,
        sentence="X.",
        wait=timedelta(minutes=1),
        times=2,
    )
    policies = [policy_after(waiting, waited) for waited in range(4)]
    assert policies == ["wait", "wait", "try-elsewhere", "try-elsewhere"]


STUDIO = """
texture-server:
  patterns: ["cannot reach the texture server", 'texture \\d+ timed out']
  policy: wait
  wait: 10m
  times: 6
  sentence: The texture server did not answer.
python-error:
  patterns: [Traceback]
  policy: try-elsewhere
  sentence: Some script failed.
"""


def test_a_studio_adds_classes_and_replaces_built_in_ones() -> None:
    classes = parse_failure_classes(STUDIO, name="failure-classes.yaml")
    assert [found.name for found in classes[:2]] == ["texture-server", "python-error"]
    assert len(classes) == len(BUILT_IN) + 1
    found = classify("Texture 12 timed out", classes)
    assert found is not None
    assert (found.policy, found.wait, found.times) == ("wait", timedelta(minutes=10), 6)
    assert classify("Traceback (most recent call last):", classes) == classes[1]


def test_an_empty_file_leaves_the_built_in_classes() -> None:
    assert parse_failure_classes("# nothing yet\n", name="failure-classes.yaml") == BUILT_IN


def test_all_mistakes_of_a_studio_are_named_at_once_with_their_lines() -> None:
    text = """
one:
  patterns: ["(unclosed"]
  policy: sometimes
  sentence: ""
two:
  patterns: []
  policy: wait
  colour: red
  sentence: Two.
three:
  patterns: [fine]
  policy: fatal
  wait: 5
  sentence: Three.
four: yes
five:
  patterns: [5]
  policy: wait
  wait: 5
  times: 0
  sentence: Five.
"""
    with pytest.raises(InvalidInput) as caught:
        parse_failure_classes(text, name="classes.yaml")
    told = [str(problem) for problem in caught.value.problems]
    for line, words in [
        (3, "no regular expression"),
        (4, "must be one of try-elsewhere, fatal, wait"),
        (5, "must be a text"),
        (6, "needs wait"),
        (6, "needs times"),
        (7, "list of regular expressions"),
        (9, "colour is not known"),
        (14, "only for the policy wait"),
        (14, "three.wait"),
        (16, "must have the settings"),
        (18, "list of texts"),
        (20, "five.wait"),
        (21, "whole number"),
    ]:
        assert any(f"classes.yaml, line {line}:" in text and words in text for text in told), (
            line,
            words,
            told,
        )
    assert len(told) == 13


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text", "a: [unclosed"])
def test_what_is_no_list_of_classes_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"classes\.yaml"):
        parse_failure_classes(text, name="classes.yaml")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("one: yes\n", "line 1.*one must have the settings"),
        (
            "one: {patterns: [x], policy: fatal, sentence: One., colour: red}\n",
            "line 1.*one.colour is not known",
        ),
        ("one: {policy: fatal, sentence: One.}\n", "line 1.*one needs patterns"),
        (
            "one: {patterns: [x], policy: wait, wait: 0s, times: 1, sentence: One.}\n",
            "line 1.*must be longer than nothing",
        ),
    ],
)
def test_a_class_that_says_too_little_is_named_with_its_line(text: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        parse_failure_classes(text, name="classes.yaml")
