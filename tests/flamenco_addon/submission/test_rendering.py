"""What was submitted from Blender is rendered by a real Worker, as the artist meant it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.farm.farm import Farm
from tests.flamenco_addon.submission.artist import as_artist

SCENE = """
connect()
small(scene)
scene.view_settings.view_transform = "Standard"
scene.world = bpy.data.worlds.new("dark")
for each in list(scene.objects):
    bpy.data.objects.remove(each)

def wall(name, x, colour):
    # A glowing wall; nothing else gives light.
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(x, -5, -5), (x, 5, -5), (x, 5, 5), (x, -5, 5)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    glow, output = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    glow.inputs["Color"].default_value = (*colour, 1)
    material.node_tree.links.new(glow.outputs[0], output.inputs[0])
    mesh.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new(name, mesh))
    return glow

def camera(name, turn):
    made = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    made.rotation_euler = (1.5708, 0, turn)
    scene.collection.objects.link(made)
    return made

textured = wall("red wall", 4, (1, 0, 0))
wall("green wall", -4, (0, 1, 0))
scene.camera = camera("to red", -1.5708)
camera("to green", 1.5708)
marker = scene.timeline_markers.new("switch", frame=1)
marker.camera = scene.camera

picture = bpy.data.images.new("blue", 4, 4)
picture.pixels = [0, 0, 1, 1] * 16
Path(project, "textures").mkdir(parents=True)
picture.filepath_raw = str(Path(project, "textures", "blue é.png"))
picture.file_format = "PNG"
picture.save()
save()
red_and_green = submit(job_name="walls", cameras="ALL", frames="1")

picture.filepath = "//textures/blue é.png"
tree = bpy.data.materials["red wall"].node_tree
node = tree.nodes.new("ShaderNodeTexImage")
node.image = picture
tree.links.new(node.outputs["Color"], textured.inputs["Color"])
# Not saved: the texture is only in what is open.
blue = submit(job_name="texture", frames="1")
scene.flamenco_rna_overrides.add().line = "D.objects['red wall'].hide_render = True"
black = submit(job_name="overridden", frames="1")
answer({"red and green": red_and_green, "blue": blue, "black": black})
"""


@pytest.fixture
def working_farm(tmp_path: Path, blender_program: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm", blender_program)
    farm.start_manager()
    farm.start_worker()
    yield farm
    farm.stop()


def colour_of(farm: Farm, job_id: str) -> tuple[int, ...]:
    """Of the middle of the only frame."""
    job = farm.wait_for_end(job_id)
    assert job["status"] == "completed", farm.logs()
    frame = Path(job["settings"]["render_output_path"]).with_name("000001.png")
    with Image.open(frame) as image:
        found = image.convert("RGB").getpixel((8, 8))
    assert isinstance(found, tuple)
    return tuple(round(value / 255) for value in found)


def test_frames_show_each_camera_unsaved_changes_and_overrides(
    working_farm: Farm, tmp_path: Path
) -> None:
    jobs = as_artist(SCENE, home=tmp_path / "artist", url=working_farm.url)
    green, red = (colour_of(working_farm, job_id) for job_id in jobs["red and green"])
    assert (red, green) == ((1, 0, 0), (0, 1, 0))
    (blue,) = jobs["blue"]
    assert colour_of(working_farm, blue) == (0, 0, 1)
    (black,) = jobs["black"]
    assert colour_of(working_farm, black) == (0, 0, 0)
