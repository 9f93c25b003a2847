"""Runs inside Blender: denoises images with the compositor, one picture for each of their layers.

The worker starts it with `REQUEST` as a global: a list of
`{"image": path, "size": [width, height], "layers": {name: path}}` with what is to be written for
each layer; the name is empty for images without layers. Blender itself does not tell the size of
images with layers. Runs on the Python of any Blender from 3.1 on, from its bare file.
"""

from __future__ import annotations

from typing import Any

DONE_PREFIX = "flamenco-denoised: "
"""With the image's place in the request, when all of its layers are written."""

bpy: Any
"""Imported at the end, so that the worker can read this module's constants without Blender."""


def denoise(requests: list[dict[str, Any]]) -> None:
    """Writes what is asked for; raises `RuntimeError` if this Blender cannot."""
    import _cycles  # type: ignore[import-not-found]

    if not _cycles.with_openimagedenoise:
        raise RuntimeError("this Blender cannot denoise: it was built without OpenImageDenoise")
    scene = bpy.context.scene
    _prepare(scene)
    for number, request in enumerate(requests):
        image = bpy.data.images.load(request["image"])
        scene.render.resolution_x, scene.render.resolution_y = request["size"]
        for layer, output in request["layers"].items():
            _connect(scene, image, layer)
            scene.render.filepath = output
            bpy.ops.render.render(write_still=True)
        bpy.data.images.remove(image)
        print(f"\n{DONE_PREFIX}{number}", flush=True)


def _prepare(scene: Any) -> None:
    render = scene.render
    # Nothing is rendered but what the compositor makes; Cycles would only take its time.
    render.engine = "BLENDER_WORKBENCH"
    render.resolution_percentage = 100
    render.use_compositing, render.use_sequencer, render.use_multiview = True, False, False
    render.use_border = render.use_file_extension = False
    render.use_overwrite = True
    if hasattr(render.image_settings, "media_type"):  # from Blender 5 on
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_mode = "RGBA"
    render.image_settings.color_depth = "32"
    render.image_settings.use_preview = False


def _connect(scene: Any, image: Any, layer: str) -> None:
    """Makes the compositor denoise one layer of an image."""
    tree, target = _new_tree(scene)
    source = tree.nodes.new("CompositorNodeImage")
    source.image = image
    if layer and source.has_layers:
        source.layer = layer
    passes = {socket.name: socket for socket in source.outputs}
    denoiser = tree.nodes.new("CompositorNodeDenoise")
    noisy = passes.get("Combined", passes.get("Image", source.outputs[0]))
    tree.links.new(noisy, denoiser.inputs["Image"])
    for kind in ("Normal", "Albedo"):
        if f"Denoising {kind}" in passes:
            tree.links.new(passes[f"Denoising {kind}"], denoiser.inputs[kind])
    tree.links.new(denoiser.outputs[0], target)


def _new_tree(scene: Any) -> tuple[Any, Any]:
    """An empty compositor, and the socket that the picture goes to."""
    if hasattr(scene, "compositing_node_group"):  # from Blender 5 on
        tree = bpy.data.node_groups.new("Denoise", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        return tree, tree.nodes.new("NodeGroupOutput").inputs[0]
    scene.use_nodes = True
    scene.node_tree.nodes.clear()
    composite = scene.node_tree.nodes.new("CompositorNodeComposite")
    return scene.node_tree, composite.inputs["Image"]


if "REQUEST" in globals():
    import bpy

    denoise(globals()["REQUEST"])
