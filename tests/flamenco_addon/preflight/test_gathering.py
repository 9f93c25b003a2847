"""Pre-flight in Blender itself: what it finds where everything is wrong, and what it mends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.farm.farm import Farm
from tests.flamenco_addon.bpy_pythons import BLENDERS
from tests.flamenco_addon.submission.artist import as_artist

SCENE = """
connect()
small(scene)
save()
other = Path(project, "elsewhere.blend")
bpy.data.libraries.write(str(other), {bpy.data.objects["Cube"]})
with bpy.data.libraries.load(str(other), link=True) as (there, here):
    here.objects = ["Cube"]
scene.collection.objects.link(here.objects[0])
other.unlink()

def image(name, path, source="FILE"):
    made = bpy.data.images.new(name, 4, 4)
    made.use_fake_user = True
    made.filepath, made.source = path, source
    return made

image("gone", "//textures/gone.png")
image("tiles", "//textures/gone.<UDIM>.png", "TILED")
packed = bpy.data.images.new("packed", 4, 4)
packed.use_fake_user = True
packed.pack()
bpy.data.images.new("generated", 4, 4).use_fake_user = True
clip = Path(project, "here.png")
packed.save(filepath=str(clip))
image("here", "//here.png")
text = bpy.data.curves.new("words", "FONT")
scene.collection.objects.link(bpy.data.objects.new("words", text))
font = Path(project, "own.ttf")
fonts = Path(bpy.utils.system_resource("DATAFILES"), "fonts")
font.write_bytes(next(iter(fonts.glob("Inter.woff2"))).read_bytes())
text.font = bpy.data.fonts.load(str(font))
font.unlink()
volume = bpy.data.volumes.new("smoke")
volume.filepath, volume.use_fake_user = "//smoke.vdb", True
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strips.new_image(name="strip", filepath="//strips/gone.png", channel=1, frame_start=1)

cube = bpy.data.objects["Cube"]
flag = bpy.data.objects.new("Flag", cube.data.copy())
scene.collection.objects.link(flag)
flag.modifiers.new("Cloth", "CLOTH")
hair = bpy.data.objects.new("Hair", cube.data.copy())
scene.collection.objects.link(hair)
with bpy.context.temp_override(object=hair, active_object=hair):
    hair.modifiers.new("dots", "PARTICLE_SYSTEM")
    hair.modifiers.new("still", "PARTICLE_SYSTEM")
hair.particle_systems[1].settings.type = "HAIR"
sea = bpy.data.objects.new("Sea", cube.data.copy())
scene.collection.objects.link(sea)
sea.modifiers.new("Fluid", "FLUID").fluid_type = "DOMAIN"

for name, kinds in (
    ("Ivy", ("GeometryNodeSimulationInput", "GeometryNodeSimulationOutput")),
    ("Rock", ("GeometryNodeBake",)),
):
    nodes = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        nodes.interface.new_socket(
            "Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    made = [nodes.nodes.new(kind) for kind in
            ("NodeGroupInput", *kinds, "NodeGroupOutput")]
    for node in made:
        if getattr(node, "bake_items", None) is not None and not node.bake_items:
            node.bake_items.new("GEOMETRY", "Geometry")  # Blender 5 begins without one
    if name == "Ivy":
        made[1].pair_with_output(made[2])
    for before, after in zip(made, made[1:]):
        nodes.links.new(before.outputs["Geometry"], after.inputs["Geometry"])
    grown = bpy.data.objects.new(name, cube.data.copy())
    scene.collection.objects.link(grown)
    grown.modifiers.new("GeometryNodes", "NODES").node_group = nodes

if bpy.app.version >= (5, 0, 0):
    tree = bpy.data.node_groups.new("Comp", "CompositorNodeTree")
    scene.compositing_node_group = tree
else:
    scene.use_nodes = True
    tree = scene.node_tree
node = tree.nodes.new("CompositorNodeOutputFile")
node.name = "Depth"
setattr(node, "directory" if hasattr(node, "directory") else "base_path", "//passes/")

class OwnNode(bpy.types.Node):
    bl_idname, bl_label = "StudioNode", "Studio"
OwnNode.__module__ = "bl_ext.user_default.studio_tools.nodes"
bpy.utils.register_class(OwnNode)
group = bpy.data.node_groups.new("Own", "ShaderNodeTree")
group.use_fake_user = True
group.nodes.new("StudioNode")

scene.cycles.device = "GPU"
scene.render.use_sequencer = False
settings = scene.render.image_settings
if hasattr(settings, "media_type"):
    settings.media_type = "VIDEO"
else:
    settings.file_format = "FFMPEG"
scene.camera = None
for layer in scene.view_layers:
    layer.use = False
scene.flamenco_job_settings.autoeval_frames = False
scene.flamenco_job_settings.frames = "1-900"
scene.flamenco_job_settings.render_output_root = "/home/ana/renders"
scene.flamenco_worker_tag_id = "00000000-0000-4000-8000-000000000000"

drawing = part("preflight.drawing")
said = refusal(bpy.ops.flamenco.submit_job)
found = [[each.check, each.severity.name, each.what, each.fix.value if each.fix else "",
          each.target] for each in drivers.current().findings]
for check, severity, what, fix, target in found:
    if fix and fix not in ("find-files", "save"):
        bpy.ops.flamenco.fix(fix=fix, scene=scene.name, target=target)
drivers.forget()
drawing.look_again()
left = sorted({each.check for each in drawing.findings_now(scene)
               if each.severity.name != "NOTE"})
answer({
    "found": found, "left": left, "said": said,
    "now": [scene.camera.name, scene.render.is_movie_format,
            [layer.use for layer in scene.view_layers],
            scene.flamenco_job_settings.shown_frames, scene.flamenco_worker_tag_id,
            scene.flamenco_job_settings.render_output_root],
})
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("farm") / "farm", Path("blender"))
    farm.start_manager()
    yield farm
    farm.stop()


@pytest.fixture(scope="module", params=BLENDERS)
def outcome(
    request: pytest.FixtureRequest,
    farm: Farm,
    extension_zip: Path,
    extension_zip_5_1: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    zips = {"4.5": None, "4.2": extension_zip, "5.0": extension_zip, "5.1+": extension_zip_5_1}
    found: dict[str, Any] = as_artist(
        SCENE,
        home=tmp_path_factory.mktemp("artist"),
        url=farm.url,
        blender=request.param,
        extension=zips[request.param],
    )
    return found


def sentences(outcome: dict[str, Any], check: str) -> list[str]:
    return [what for found, _, what, _, _ in outcome["found"] if found == check]


def test_every_missing_file_is_named_and_nothing_else(outcome: dict[str, Any]) -> None:
    named = {each.split(" is missing")[0] for each in sentences(outcome, "missing-files")}
    fonts = {each for each in named if each.startswith("Font")}
    assert len(fonts) == 1
    assert named - fonts == {
        "Library “elsewhere.blend”",
        "Image “gone”",
        "Image “tiles”",
        "Image strip “strip”",
        "Volume “smoke”",
    }


def test_simulations_that_are_not_baked_are_named_and_still_hair_is_none(
    outcome: dict[str, Any],
) -> None:
    said = sentences(outcome, "caches")
    owners = sorted(each.split(" is not baked")[0] for each in said if " is not baked" in each)
    assert owners == [
        "Cloth of “Flag”",
        "Fluid of “Sea”",
        "Particle system “dots” of “Hair”",
    ]
    (unsure,) = (each for each in said if " is not baked" not in each)
    assert "simulation" in unsure
    assert "“Ivy”" in unsure


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("camera", "Camera"),
        ("format", "is a video"),
        ("frames", "reach beyond"),
        ("view-layers", "No view layer"),
        ("paths", "/home/ana/renders"),
        ("tag", "worker tag"),
        ("outputs", "“Depth” writes to //passes/"),
        ("add-ons", "studio_tools"),
    ],
)
def test_what_is_wrong_with_the_scene_is_found(
    outcome: dict[str, Any], check: str, words: str
) -> None:
    assert words in " ".join(sentences(outcome, check))
    assert "things stop the job" in outcome["said"]


def test_buttons_mend_what_can_be_mended(outcome: dict[str, Any]) -> None:
    camera, is_movie, layers, frames, tag, root = outcome["now"]
    assert (camera, is_movie, layers, frames, tag) == ("Camera", False, [True], "1-3", "")
    assert root.endswith("/shared/renders")
    assert outcome["left"] == []
