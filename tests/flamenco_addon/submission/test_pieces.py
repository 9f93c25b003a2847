"""What a submission asks of Blender's main thread comes in pieces."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.flamenco_addon.in_bpy import run_in_bpy

SCRIPT = """
from flamenco_addon import background
from flamenco_addon.preflight import gathering
from flamenco_addon.submission import BREATHER, Submission

def add_images(count):
    for _ in range(count):
        image = bpy.data.images.new("texture", 4, 4)
        image.use_fake_user = True
        image.filepath, image.source = f"//textures/{image.name}.png", "FILE"

def pieces():
    steps, count = Submission._files(), 0
    while True:
        try:
            assert next(steps) is BREATHER
        except StopIteration as end:
            return count + 1, len(end.value)
        count += 1

bpy.ops.wm.save_as_mainfile(filepath=folder + "/scene.blend")
few = pieces()
add_images(1000)
many = pieces()

looking = gathering.gather_files()
next(looking)
for image in list(bpy.data.images)[1:990]:
    bpy.data.images.remove(image)
bpy.ops.ed.undo_push(message="many are gone")
left = [file.name for file in looking]
there = sorted(image.name for image in bpy.data.images if image.source == "FILE")

done = []
def go_on(rest):
    done.append(rest)
    if rest:
        background.go_on(lambda: go_on(rest - 1))
background.go_on(lambda: go_on(20))
from datetime import timedelta
at_once = timedelta(0)
ticks = [0]
while background.step(at_once):
    ticks.append(len(done))
answer({"few": few, "many": many, "left": left, "there": there,
        "ticks": ticks, "done": done})
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home: Path = tmp_path_factory.mktemp("pieces")
    return run_in_bpy(SCRIPT, home=home, names={"folder": str(home)})


def test_the_more_files_the_more_often_blender_goes_on_in_between(seen: Any) -> None:
    assert seen["few"][0] == 1
    pieces, files = seen["many"]
    assert files == 1000 + seen["few"][1]
    assert files / pieces <= 25


def test_what_is_removed_while_files_are_looked_at_is_left_out(seen: Any) -> None:
    assert seen["left"] == seen["there"] != []


def test_a_tick_without_time_left_does_one_thing(seen: Any) -> None:
    assert seen["done"] == [*range(20, -1, -1)]
    ticks = seen["ticks"]
    assert max(after - before for before, after in pairwise(ticks)) == 1
