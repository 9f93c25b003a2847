"""Records what a Blender prints in good runs and bad ones, for tests of what the worker reads.

    python3 scripts/record_blender_output.py -- blender
    python3 scripts/record_blender_output.py --case no-camera -- \
        /opt/bpy42/bin/python -m flamenco_worker.blender.bpy_command_line

What stands behind `--` starts Blender. Each case goes into a file of its own in
`tests/flamenco_worker/recordings`, with a first line that says how it was made; a case whose
Blender has nothing to say on the matter (one with a denoiser cannot lack it) is left out.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT / "tests" / "flamenco_worker" / "recordings"
PROJECT = "/projects"
"""Stands for the temporary folder in what is recorded."""
TIME_LIMIT_SECONDS = 180
_PREPARING = re.compile(
    r"\bFra:.*\| (Updating|Synchronizing|Loading render kernels|Initializing|Waiting for render)"
)
"""Some thirty lines of each frame, which are left out."""
_VERSION = re.compile(r"^Blender (\d+\.\d+)", re.MULTILINE)

_SCENE = """
import bpy
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.samples = 4
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 32, 24
scene.render.resolution_percentage = 100
"""
_LINKED = """
with bpy.data.libraries.load({liba!r}, link=True) as (there, here):
    here.objects = ['Cube']
bpy.data.objects.remove(bpy.data.objects['Cube'])
scene.collection.objects.link(here.objects[0])
"""
_TEXTURED = """
image = bpy.data.images.new('wood', 8, 8)
image.filepath_raw, image.file_format = {wood!r}, 'PNG'
image.save()
image.source = 'FILE'
material = bpy.data.materials[0]
material.use_nodes = True
node = material.node_tree.nodes.new('ShaderNodeTexImage')
node.image = image
principled = next(n for n in material.node_tree.nodes if n.type == 'BSDF_PRINCIPLED')
material.node_tree.links.new(node.outputs[0], principled.inputs[0])
"""
_EEVEE = """
engines = scene.render.bl_rna.properties['engine'].enum_items.keys()
for engine in ('BLENDER_EEVEE', 'BLENDER_EEVEE_NEXT'):
    try:
        scene.render.engine = engine
    except TypeError:
        pass
scene.eevee.taa_render_samples = 2
"""
_RAISING_HANDLER = """
import bpy
def find_rig(*_):
    dict()['rig']
bpy.app.handlers.render_pre.append(find_rig)
"""
_LITTLE_MEMORY = """
import re, resource
used = int(re.search(r'VmSize:\\s+(\\d+)', open('/proc/self/status').read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)
import bpy
bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 20000
"""


@dataclass(frozen=True)
class Case:
    """One run of Blender; `{name}` in texts are files of the project."""

    arguments: Sequence[str]
    """Behind the .blend file."""
    blend: str = "scene.blend"
    before: Sequence[str] = ()
    changes: str = ""
    """Python that changes the scene before it is saved."""
    spoil: Callable[[Path], None] = lambda _folder: None
    """What happens between saving and the run."""
    runs: int = 1
    """Only the last one is recorded."""
    must_say: str = ""
    """What is not recorded without this, since this Blender has no such trouble."""
    environment: Mapping[str, str] = field(default_factory=dict)


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _damage(folder: Path) -> None:
    """Takes the block away without which nothing else can be read."""
    content = (folder / "scene.blend").read_bytes()
    (folder / "scene.blend").write_bytes(content[: content.rindex(b"DNA1")])


def _write_garbage(folder: Path) -> None:
    (folder / "garbage.blend").write_text("no Blender wrote this\n" * 9, encoding="utf-8")


def _output(frames: str, *more: str) -> list[str]:
    return [*more, "-o", "{folder}/out/######", "-f", frames]


def _python(code: str) -> list[str]:
    return ["--python-expr", code]


CASES: Mapping[str, Case] = {
    "two-frames": Case(_output("1..2")),
    "exr-with-preview": Case(
        _output("3", "-F", "OPEN_EXR"), changes="scene.render.image_settings.use_preview = True"
    ),
    "eevee": Case(_output("6"), changes=_EEVEE),
    "skipped": Case(_output("1"), changes="scene.render.use_overwrite = False", runs=2),
    "wrong-scene": Case(_output("1", "-S", "Nope")),
    "missing-file": Case(_output("1"), blend="missing.blend"),
    "damaged-file": Case(_output("1"), spoil=_damage),
    "no-blend-file": Case(
        _output("1"),
        blend="garbage.blend",
        spoil=_write_garbage,
    ),
    "missing-library": Case(_output("7"), changes=_LINKED, spoil=_without("liba.blend")),
    "missing-image": Case(_output("8"), changes=_TEXTURED, spoil=_without("wood.png")),
    "no-camera": Case(_output("1"), changes="scene.camera = None"),
    "no-engine": Case(_output("1", "-E", "NOPE")),
    "no-format": Case(_output("5", "-F", "NOPE")),
    "no-denoiser": Case(
        _output("1"),
        changes="scene.cycles.use_denoising = True",
        must_say="OpenImageDenoise",
    ),
    "bad-frames": Case(_output("1,,2")),
    "reversed-frames": Case(_output("3..1")),
    "cannot-save": Case(["-o", "/proc/nope/###", "-f", "1"]),
    "python-raises": Case(_output("1", *_python('raise ValueError("no such texture")'))),
    "python-raises-with-exit-code": Case(
        _output("1", *_python('raise ValueError("no such texture")')),
        before=["--python-exit-code", "73"],
    ),
    "python-syntax": Case(_output("1", *_python("def x(:"))),
    "python-no-script": Case(_output("1", "--python", "{folder}/missing.py")),
    "python-no-module": Case(_output("1", *_python("import studio_tools"))),
    "handler-raises": Case(_output("4", *_python(_RAISING_HANDLER))),
    "out-of-memory": Case(_output("1", *_python(_LITTLE_MEMORY))),
    "crash": Case(_output("1", *_python("import ctypes; ctypes.string_at(0)"))),
}


def main() -> None:
    options = _parser().parse_args()
    command = [part for part in options.blender if part != "--"]
    if not command:
        sys.exit("record_blender_output: say behind -- how Blender is started")
    version = _version(command)
    for name in options.case or CASES:
        text = record(command, name)
        path = RECORDINGS / f"{version}-{name}.txt"
        if text is None:
            print(f"{path.name}: this Blender has nothing to say on the matter")
            continue
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(text.splitlines())} lines", flush=True)


def record(command: Sequence[str], name: str) -> str | None:
    """What Blender prints in a case, below a line that says how it was made."""
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="recording-") as made:
        folder = Path(made).resolve()
        _make_project(command, case, folder)
        case.spoil(folder)
        arguments = [part.replace("{folder}", str(folder)) for part in case.arguments]
        line = [*command, "-b", *case.before, str(folder / case.blend), *arguments]
        for _ in range(case.runs):
            done = _run(line, folder)
        lines = done.stdout.replace(str(folder), PROJECT).splitlines(keepends=True)
        text = "".join(line for line in lines if not _PREPARING.search(line))
        if case.must_say and not re.search(case.must_say, text):
            return None
        shown = shlex.join(["blender", *line[len(command) :]]).replace(str(folder), PROJECT)
        shown = shown.replace("\n", "\\n")
        how = f"# recorded by scripts/record_blender_output.py, case {name}, exit code"
        return f"{how} {done.returncode}: {shown}\n{text}"


def _make_project(command: Sequence[str], case: Case, folder: Path) -> None:
    files = {name: str(folder / f"{name}.blend") for name in ("scene", "liba")}
    files["wood"] = str(folder / "wood.png")
    save = "\nbpy.ops.wm.save_as_mainfile(filepath={!r}, compress=False, copy={})\n"
    script = _SCENE + save.format(files["liba"], True) + case.changes.format(**files)
    script += save.format(files["scene"], False)
    done = _run([*command, "-b", "--factory-startup", "--python-expr", script], folder)
    if not (folder / "scene.blend").exists():
        sys.exit(f"record_blender_output: the scene could not be made:\n{done.stdout}")


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        # Blender takes PWD for the current folder, right or wrong.
        env=os.environ
        | {"BLENDER_USER_RESOURCES": str(folder / "resources"), "PWD": str(folder)}
        | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )


def _version(command: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        found = _VERSION.search(_run([*command, "-b", "--version"], Path(folder)).stdout)
    if found is None:
        sys.exit(f"record_blender_output: {shlex.join(command)} is no Blender")
    return found[1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--case", action="append", choices=[*CASES], help="only this one")
    parser.add_argument("blender", nargs="+", metavar="COMMAND", help="how Blender is started")
    return parser


if __name__ == "__main__":
    main()
