"""What a piece of Python leaves behind, as far as its text tells."""

from __future__ import annotations

import pytest

from flamenco_core.job_types.builtin.progressive_render import CHUNK_SCRIPT, PREVIEW_SCRIPT
from flamenco_core.job_types.builtin.simple_blender_render import OUTPUT_OVERRIDES
from flamenco_core.job_types.builtin.single_image_render import TILE_SCRIPT
from flamenco_core.job_types.builtin.video_edit_render import (
    EDIT_SCRIPT,
    FRAMES_SCRIPT,
    SOUND_SCRIPT,
)
from flamenco_core.model import Command
from flamenco_core.rna_overrides import with_overrides
from flamenco_worker.blender.warm_python import Effect, read_python

TILE = {"resolution": "8, 8", "percentage": 100, "horizontal": "0, 1", "vertical": "0, 1"}


def overrides(*lines: str) -> str:
    """As they stand on Blender's command line."""
    parameters = {"args": ["-f", "1"]}
    command = Command(name="blender-render", parameters=parameters, total_step_count=1)
    text: str = with_overrides(command, lines).parameters["args"][1]
    return text


@pytest.mark.parametrize(
    "source",
    [
        OUTPUT_OVERRIDES,
        PREVIEW_SCRIPT,
        overrides('D.scenes["Scene"].render.resolution_percentage = 50'),
        overrides("for each in D.objects: each.hide_render = False"),
        overrides("if hasattr(C.scene, 'cycles'): C.scene.cycles.samples = 4"),
        "import bpy\nrender = bpy.context.scene.render\nrender.tile_x, render.tile_y = 8, 9",
    ],
)
def test_assigning_plain_values_to_the_open_file_can_be_repeated(source: str) -> None:
    assert read_python(source).effect is Effect.REPEATABLE


@pytest.mark.parametrize(
    "source",
    [
        CHUNK_SCRIPT.format(samples=(1, 2, 3), denoise=True),
        TILE_SCRIPT.format(**TILE, denoise=False),
        EDIT_SCRIPT.format(first=1, last=2) + FRAMES_SCRIPT,
        overrides("C.scene.render.resolution_x *= 2"),
        overrides("C.scene.frame_end = C.scene.frame_end + 1"),
        overrides("if C.scene.render.use_border: C.scene.render.resolution_x = 4"),
        overrides("C.scene.collection.objects.unlink(D.objects['Cube'])"),
        "import bpy\nif bpy.app.version < (4, 0, 0):\n bpy.context.scene.name = 'old'",
        "import bpy\ndef f(x):\n x.hide_render = True\nf(bpy.data.objects[0])",
        "import math, bpy\nbpy.context.scene.camera.location.x = math.sin(2)",
    ],
)
def test_changes_that_depend_on_how_the_file_was_go_with_it(source: str) -> None:
    assert read_python(source).effect is Effect.GOES_WITH_THE_FILE


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import bpy; bpy.ops.wm.open_mainfile(filepath='x')", "calls bpy.ops.wm.open_mainfile"),
        ("import bpy; bpy.app.handlers.frame_change_pre.append(print)", "frame_change_pre.append"),
        ("import bpy; h = bpy.app.handlers.frame_change_pre; h.append(1)", "uses bpy.app.handlers"),
        ("import bpy; [h.append(1) for h in [bpy.app.handlers.load_post]]", "uses bpy.app"),
        ("import bpy; bpy.context.preferences.view.language = 'de_DE'", "changes bpy.context.pref"),
        (overrides("p = C.preferences", "p.x = 1"), "uses C.preferences"),
        ("import bpy; a = [bpy.app][0]; a.x = 1", "uses [bpy.app][0]"),
        ("import bpy\nfor a in [bpy.app]:\n a.x = 1", "uses [bpy.app]"),
        ("import bpy\na = getattr(bpy, 'app')", "calls getattr"),
        (overrides("getattr(C, 'preferences').x = 1"), "calls getattr"),
        (overrides("getattr(C, 'pre' + 'ferences').x = 1"), "calls getattr"),
        ("import bpy\ndef f(x):\n x.y = 1\nf(bpy.app)", "uses bpy.app"),
        ("import bpy\nx = 1 if bpy else 2", "uses bpy"),
        ("import os; os.environ['A'] = 'b'", "changes os.environ"),
        ("import os; os.remove('a')", "calls os.remove"),
        ("import sys; sys.path.append('x')", "imports sys"),
        ("from bpy import context", "has a ImportFrom"),
        ("x = [].__class__", "uses [].__class__"),
        ("open('a', 'w')", "calls open"),
        ("f = print\nf()", "uses print"),
        ("len = 3\nlambda: len", "has a Lambda"),
        ("while True: pass", "has a While"),
        ("exec('import sys')", "calls exec"),
        ("exec(compile('import sys', 'x', 'exec'))", "imports sys"),
        ("this is no python", "cannot be read"),
        ("x = 1\0", "cannot be read"),
        ((EDIT_SCRIPT + SOUND_SCRIPT).format(first=1, last=2, frames=2, fps=24.0), "calls os."),
    ],
)
def test_whatever_is_not_plain_is_unknown(source: str, why: str) -> None:
    reading = read_python(source)
    assert reading.effect is Effect.UNKNOWN
    assert why in reading.why


def test_text_without_end_is_no_trouble() -> None:
    assert read_python("x = " + "(" * 5000).effect is Effect.UNKNOWN
    assert read_python("x = " + "-" * 100_000 + "1").effect is Effect.UNKNOWN
