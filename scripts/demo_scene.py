"""Makes the scene that the quick start renders, by running inside Blender (3.4 to 5.x) or `bpy`:

    blender -b --factory-startup --python scripts/demo_scene.py -- FOLDER

The .blend refers to a texture beside its folder and to an object in a second .blend, so that it
renders rightly elsewhere only if both came along. Everything is lit by emission: each of the
colours below arrives in the PNG frames as it stands here, and a program can look for it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

BLENDFILE = Path("shots", "demo.blend")
TEXTURE = Path("textures", "card.png")
LIBRARY = Path("library", "props.blend")

FRAMES = (1, 12)
FRAMES_PER_SECOND = 12
RESOLUTION = (320, 180)
SAMPLES = 4

Colour = tuple[int, int, int]

TEXTURE_COLOUR: Colour = (255, 140, 0)
"""Middle of the card; a texture that is missing shows as magenta instead."""
TEXTURE_AT = (80, 72)
"""A pixel, from the top left, that shows the middle of the card in every frame."""
LINKED_COLOUR: Colour = (0, 170, 255)
"""The disc from the library; if that is missing, the backdrop shows instead."""
LINKED_AT = (240, 70)
"""A pixel, from the top left, that shows the disc in every frame."""
BACKDROP_COLOUR: Colour = (24, 28, 40)

_VIEW_WIDTH = 16.0  # Blender units, across the picture
_TEXTURE_SIDE = 64  # pixels


def make_scene(folder: Path) -> None:
    """Writes the texture, the library and the scene below `folder`."""
    import bpy

    for file in (BLENDFILE, TEXTURE, LIBRARY):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    _empty_file(bpy)
    _save_texture(bpy, folder / TEXTURE)
    _save_library(bpy, folder / LIBRARY)
    _empty_file(bpy)
    preferences: Any = bpy.context.preferences
    preferences.filepaths.save_version = 0  # no backup beside it
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / BLENDFILE))  # what "//" below refers to
    scene = bpy.context.scene
    _set_up_render(scene)
    _add_camera(bpy, scene)
    _add_card(bpy, scene)
    _link_disc(bpy, scene)
    _add_backdrop(bpy, scene)
    _add_moving_dot(bpy, scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / BLENDFILE), compress=False)


def _empty_file(bpy: Any) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def _set_up_render(scene: Any) -> None:
    render = scene.render
    scene.frame_start, scene.frame_end = FRAMES
    render.fps, render.fps_base = FRAMES_PER_SECOND, 1
    render.resolution_x, render.resolution_y = RESOLUTION
    render.resolution_percentage = 100
    render.dither_intensity = 0  # colours arrive unchanged
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False  # some builds come without the denoiser
    scene.view_settings.view_transform = "Standard"  # so do they through colour management


def _add_camera(bpy: Any, scene: Any) -> None:
    data = bpy.data.cameras.new("Camera")
    data.type = "ORTHO"
    data.ortho_scale = _VIEW_WIDTH
    camera = bpy.data.objects.new("Camera", data)
    camera.location = (0, 0, 10)
    scene.collection.objects.link(camera)
    scene.camera = camera


def _save_texture(bpy: Any, path: Path) -> None:
    """A card in the marker colour with a checkered rim."""
    dark = tuple(channel // 2 for channel in TEXTURE_COLOUR)
    rim = range(8, _TEXTURE_SIDE - 8)
    pixels: list[float] = []
    for y in range(_TEXTURE_SIDE):
        for x in range(_TEXTURE_SIDE):
            inside = x in rim and y in rim
            colour = TEXTURE_COLOUR if inside or (x // 4 + y // 4) % 2 else dark
            pixels += [*(channel / 255 for channel in colour), 1.0]
    image = bpy.data.images.new("card", _TEXTURE_SIDE, _TEXTURE_SIDE)
    image.pixels = pixels
    image.filepath_raw = str(path)
    image.file_format = "PNG"
    image.save()


def _save_library(bpy: Any, path: Path) -> None:
    import bmesh

    mesh = bpy.data.meshes.new("disc")
    shape = bmesh.new()
    bmesh.ops.create_circle(shape, cap_ends=True, segments=64, radius=2.5)
    shape.to_mesh(mesh)
    shape.free()
    disc = bpy.data.objects.new("disc", mesh)
    disc.location = (4, 1, 0)
    mesh.materials.append(_emission(bpy, "disc", LINKED_COLOUR))
    bpy.data.libraries.write(str(path), {disc}, fake_user=True)


def _link_disc(bpy: Any, scene: Any) -> None:
    library = "//../" + LIBRARY.as_posix()
    with bpy.data.libraries.load(bpy.path.abspath(library), link=True, relative=True) as (
        _,
        wanted,
    ):
        wanted.objects = ["disc"]
    scene.collection.objects.link(bpy.data.objects["disc"])


def _add_card(bpy: Any, scene: Any) -> None:
    card = _add_rectangle(bpy, scene, "card", (-4, 1, 0), (6, 5.5))
    material = _emission(bpy, "card", TEXTURE_COLOUR)
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load("//../" + TEXTURE.as_posix())
    texture.interpolation = "Closest"
    material.node_tree.links.new(texture.outputs["Color"], nodes["Emission"].inputs["Color"])
    card.data.materials.append(material)


def _add_backdrop(bpy: Any, scene: Any) -> None:
    backdrop = _add_rectangle(bpy, scene, "backdrop", (0, 0, -1), (_VIEW_WIDTH, _VIEW_WIDTH))
    backdrop.data.materials.append(_emission(bpy, "backdrop", BACKDROP_COLOUR))


def _add_moving_dot(bpy: Any, scene: Any) -> None:
    """Something that differs from frame to frame: a dot that crosses the picture."""
    dot = _add_rectangle(bpy, scene, "dot", (0, -3.4, 0), (0.8, 0.8))
    dot.data.materials.append(_emission(bpy, "dot", (255, 255, 255)))
    for frame, x in zip(FRAMES, (-6.8, 6.8), strict=True):
        dot.location.x = x
        dot.keyframe_insert("location", frame=frame)


def _add_rectangle(
    bpy: Any, scene: Any, name: str, centre: tuple[float, float, float], size: tuple[float, float]
) -> Any:
    width, height = size[0] / 2, size[1] / 2
    corners = [(-width, -height, 0), (width, -height, 0), (width, height, 0), (-width, height, 0)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    for loop, uv in zip(mesh.uv_layers.new().data, [(0, 0), (1, 0), (1, 1), (0, 1)], strict=True):
        loop.uv = uv
    rectangle = bpy.data.objects.new(name, mesh)
    rectangle.location = centre
    scene.collection.objects.link(rectangle)
    return rectangle


def _emission(bpy: Any, name: str, colour: Colour) -> Any:
    """A material that shows exactly `colour`, whatever the light."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # Blender 5 gives every material its nodes
        material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    emission = nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = [*(_linear(channel / 255) for channel in colour), 1]
    output = nodes.new("ShaderNodeOutputMaterial")
    material.node_tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material


def _linear(value: float) -> float:
    """From sRGB to the linear values that Blender computes with; both from 0 to 1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


if __name__ == "__main__":
    make_scene(Path(sys.argv[sys.argv.index("--") + 1]).resolve())
