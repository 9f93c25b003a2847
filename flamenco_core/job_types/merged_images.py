"""What job types have in common that merge EXR files and let Blender turn them into pictures.

Blender's compositor does it: view transform and file format are those of the scene.
"""

from __future__ import annotations

MERGED_LAYERS = ["Combined", "Denoising Normal", "Denoising Albedo"]
"""The passes that a picture is made of; the last two are for the denoiser."""

MERGED_PICTURE_SCRIPT = """
import sys, bpy
scene = bpy.context.scene
render = scene.render
render.use_compositing = True
render.use_sequencer = render.use_multiview = False
render.use_file_extension, render.use_overwrite, render.use_placeholder = True, False, False
if hasattr(scene, 'compositing_node_group'):
    tree = bpy.data.node_groups.new('Merged image', 'CompositorNodeTree')
    tree.interface.new_socket('Image', in_out='OUTPUT', socket_type='NodeSocketColor')
    scene.compositing_node_group = tree
    target = tree.nodes.new('NodeGroupOutput').inputs[0]
else:
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    target = tree.nodes.new('CompositorNodeComposite').inputs['Image']
merged = tree.nodes.new('CompositorNodeImage')
merged.image = bpy.data.images.load(sys.argv[sys.argv.index('--') + 1])
if {sequence}:
    merged.image.source = 'SEQUENCE'
    merged.frame_start, merged.frame_duration, merged.frame_offset = {sequence}
if merged.has_layers:
    merged.layer = next((layer.name for layer in scene.view_layers if layer.use), merged.layer)
passes = {{socket.name: socket for socket in merged.outputs}}
result = passes['Combined']
if {denoise}:
    import _cycles
    if not _cycles.with_openimagedenoise:
        raise RuntimeError('this Blender cannot denoise: it was built without OpenImageDenoise')
    denoiser = tree.nodes.new('CompositorNodeDenoise')
    tree.links.new(result, denoiser.inputs['Image'])
    for kind in ('Normal', 'Albedo'):
        if 'Denoising ' + kind in passes:
            tree.links.new(passes['Denoising ' + kind], denoiser.inputs[kind])
    result = denoiser.outputs[0]
tree.links.new(result, target)
"""
"""Composites merged images instead of rendering; what Blender writes is verified as always.

The file stands behind `--` on Blender's command line. `sequence` is empty if it is the only one;
else it is the first of a sequence: first frame, number of frames, and what has to be added to the
place of a frame among these (1 for the first) to get the number in its file's name.
"""
