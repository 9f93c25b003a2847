"""Scenes that render in no time and in which each frame looks different from the others.

Each is a piece of Python that changes the small scene (`blenders.SMALL_SCENE`), for any Blender
from 3.4 to 5. What a render could inherit from the one before is what they are about.
"""

from __future__ import annotations

MOVING_CUBE = """
cube = bpy.data.objects['Cube']
cube.rotation_euler.z = 0
cube.keyframe_insert('rotation_euler', frame=1)
cube.rotation_euler = (0.5, 1, 2)
cube.keyframe_insert('rotation_euler', frame=10)
scene.cycles.samples = 2
scene.render.threads_mode, scene.render.threads = 'FIXED', 2
scene.frame_end = 10
"""

LINKED = """
import os
library = os.path.join(os.getcwd(), 'library.blend')
cube.name = 'Hero'
bpy.data.libraries.write(library, {cube}, fake_user=True)
bpy.data.objects.remove(cube)
with bpy.data.libraries.load(library, link=True) as (_there, here):
    here.objects = ['Hero']
scene.collection.objects.link(here.objects[0])
changed = here.objects[0].override_create(remap_local_usages=True)
changed.location.x = 1.5
"""

DRIVER = """
curve = cube.driver_add('location', 0)
curve.driver.expression = 'sin(frame) if frame % 2 else -max([frame / 5, 1])'
text = bpy.data.texts.new('functions.py')
text.write('import bpy\\nbpy.app.driver_namespace["lift"] = lambda frame: frame / 8\\n')
text.use_module = True
exec(text.as_string())
cube.driver_add('location', 2).driver.expression = 'lift(frame)'
"""

PURE_DRIVER = """
curve = cube.driver_add('location', 0)
curve.driver.expression = 'sin(frame) if frame % 2 else -max([frame / 5, 1])'
"""

SIMULATION = """
bpy.ops.mesh.primitive_grid_add(x_subdivisions=6, y_subdivisions=6, size=3, location=(0, 0, 2))
bpy.context.object.modifiers.new('Cloth', 'CLOTH')
"""

BAKED_SIMULATION = (
    SIMULATION
    + """
cache = bpy.context.object.modifiers['Cloth'].point_cache
cache.frame_start, cache.frame_end = 1, 10
bpy.ops.ptcache.bake_all(bake=True)
assert cache.is_baked
"""
)

COMPOSITOR = """
if hasattr(scene, 'compositing_node_group'):
    tree = bpy.data.node_groups.new('Compositor', 'CompositorNodeTree')
    scene.compositing_node_group = tree
    tree.interface.new_socket('Image', in_out='OUTPUT', socket_type='NodeSocketColor')
    result = tree.nodes.new('NodeGroupOutput')
    layers = tree.nodes.new('CompositorNodeRLayers')
else:
    scene.use_nodes = True
    tree = scene.node_tree
    result = next(node for node in tree.nodes if node.type == 'COMPOSITE')
    layers = next(node for node in tree.nodes if node.type == 'R_LAYERS')
scene.render.use_compositing = True
invert = tree.nodes.new('CompositorNodeInvert')
factor = invert.inputs[0] if invert.inputs[0].type == 'VALUE' else invert.inputs[1]
factor.default_value = 0
factor.keyframe_insert('default_value', frame=1)
factor.default_value = 1
factor.keyframe_insert('default_value', frame=10)
color = next(socket for socket in invert.inputs if socket.type == 'RGBA')
tree.links.new(layers.outputs[0], color)
tree.links.new(invert.outputs[0], result.inputs[0])
"""

SEQUENCER = """
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, 'strips') else editor.sequences
end = {'length': 20} if bpy.app.version >= (5, 0, 0) else {'frame_end': 21}
color = strips.new_effect(name='Color', type='COLOR', channel=1, frame_start=1, **end)
color.color = (0.9, 0.2, 0.1)
color.blend_alpha = 0.1
color.keyframe_insert('blend_alpha', frame=1)
color.blend_alpha = 1
color.keyframe_insert('blend_alpha', frame=10)
scene.render.use_sequencer = True
"""

SEVERAL_SCENES = """
other = bpy.data.scenes.new('Other')
for each in list(scene.objects):
    other.collection.objects.link(each)
other.world = scene.world
other.render.engine = 'CYCLES'
other.cycles.samples = 3
other.cycles.use_denoising = False
other.render.resolution_x, other.render.resolution_y = 40, 20
other.render.threads_mode, other.render.threads = 'FIXED', 2
second = bpy.data.objects.new('Second', scene.camera.data.copy())
second.matrix_world = scene.camera.matrix_world
second.location.x -= 1
other.collection.objects.link(second)
other.timeline_markers.new('far', frame=1).camera = scene.camera
other.timeline_markers.new('near', frame=5).camera = second
"""

MOTION_BLUR = """
scene.render.use_motion_blur = True
cube.keyframe_insert('location', frame=1)
cube.location.x = 4
cube.keyframe_insert('location', frame=10)
"""

CHANGING_TEXTURE = """
import os
for frame in range(1, 11):
    made = bpy.data.images.new('made', 4, 4)
    made.pixels = [frame / 10, 1 - frame / 10, 0.5, 1] * 16
    made.filepath_raw = os.path.join(os.getcwd(), f'texture_{frame:04}.png')
    made.file_format = 'PNG'
    made.save()
    bpy.data.images.remove(made)
material = cube.active_material
material.use_nodes = True
node = material.node_tree.nodes.new('ShaderNodeTexImage')
node.image = bpy.data.images.load(os.path.join(os.getcwd(), 'texture_0001.png'))
node.image.source = 'SEQUENCE'
node.image_user.frame_duration = 10
node.image_user.frame_start = 1
node.image_user.use_auto_refresh = True
shader = next(n for n in material.node_tree.nodes if n.type == 'BSDF_PRINCIPLED')
material.node_tree.links.new(node.outputs[0], shader.inputs[0])
"""

GEOMETRY_NODES = """
tree = bpy.data.node_groups.new('Geometry', 'GeometryNodeTree')
if hasattr(tree, 'interface'):
    tree.interface.new_socket('Geometry', in_out='OUTPUT', socket_type='NodeSocketGeometry')
else:
    tree.outputs.new('NodeSocketGeometry', 'Geometry')
time = tree.nodes.new('GeometryNodeInputSceneTime')
ball = tree.nodes.new('GeometryNodeMeshUVSphere')
move = tree.nodes.new('GeometryNodeTransform')
result = tree.nodes.new('NodeGroupOutput')
tree.links.new(time.outputs['Seconds'], move.inputs['Translation'])
tree.links.new(ball.outputs[0], move.inputs[0])
tree.links.new(move.outputs[0], result.inputs[0])
cube.modifiers.new('Nodes', 'NODES').node_group = tree
"""

HANDLER_THAT_STAYS = """
text = bpy.data.texts.new('handler.py')
text.write('''
import bpy
@bpy.app.handlers.persistent
def move(scene, *_more):
    bpy.data.objects['Cube'].location.x = scene.frame_current / 4
bpy.app.handlers.frame_change_post.append(move)
''')
text.use_module = True
"""

DEEPER_IMAGES = "scene.render.image_settings.file_format = 'OPEN_EXR'"

OPENED_AGAIN = "the file is opened again"
STAYS_OPEN = "the file is still open"
OWN_BLENDER = "a Blender of its own renders this"

SCENES = {
    "plain": ("", STAYS_OPEN),
    "linked library with override": (LINKED, STAYS_OPEN),
    "driver with Python": (PURE_DRIVER, STAYS_OPEN),
    "driver with a function of the file": (DRIVER, OPENED_AGAIN),
    "simulation": (SIMULATION, OPENED_AGAIN),
    "baked simulation": (BAKED_SIMULATION, STAYS_OPEN),
    "compositor": (COMPOSITOR, STAYS_OPEN),
    "sequencer": (SEQUENCER, OPENED_AGAIN),
    "several scenes and cameras": (SEVERAL_SCENES, STAYS_OPEN),
    "motion blur": (MOTION_BLUR, STAYS_OPEN),
    "texture that changes per frame": (CHANGING_TEXTURE, STAYS_OPEN),
    "geometry nodes": (GEOMETRY_NODES, STAYS_OPEN),
    "handler that outlives the file": (HANDLER_THAT_STAYS, OWN_BLENDER),
}
"""Scripts, and what the log says of the second frame."""


def rendered_scene(name: str) -> str:
    """Which scene of the file is rendered."""
    return "Other" if SCENES[name][0] is SEVERAL_SCENES else "Scene"
