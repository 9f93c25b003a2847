"""`bench.py addon`: what the extension takes of Blender's main thread.

In a Blender with its window: processor time of each tick of its timer, and of each drawing of one
of its panels, while a project of 1,000 files is packed and while 200 jobs are watched that change
all the time. Then what enabling it takes, in Blenders of their own.
"""

from __future__ import annotations

import contextlib
import statistics
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_figures import Figure
from build_extension import build_one
from extension_editions import EDITIONS
from tests.farm.farm import Farm, bpy_program
from tests.flamenco_addon.blender_window import MODULE, BlenderWindow, blender_window
from tests.flamenco_addon.in_bpy import run_in_bpy
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.running_manager import RunningManager, WorkerLogin

FILES = 1_000
SUBMISSIONS = 4
"""So many ticks that one in a hundred is more than the worst one."""
JOBS = 200
WATCHING_SECONDS = 30.0
PACKING_SECONDS = 120.0
WORKERS = 4
USUAL_LIMIT_MS = 2.0
"""For 99 of 100 ticks."""
WORST_LIMIT_MS = 16.0
"""Also for drawing a panel, which happens once a second."""
ENABLING_LIMIT_MS = 300.0
ENABLING_RUNS = 5

_MEASURE = """
import time
ticks, drawings = [], []
def measured(function, times):
    def measuring(*arguments):
        began = time.thread_time()
        try:
            return function(*arguments)
        finally:
            times.append((time.thread_time() - began) * 1e3)
    return measuring

def drawn(draw):
    timed = measured(draw, drawings)
    def measuring(self, context):  # Blender passes as many arguments as this takes
        timed(self, context)
    return measuring

if bpy.app.timers.is_registered(background._tick):
    bpy.app.timers.unregister(background._tick)
background._tick = measured(background._tick, ticks)
background._ensure_timer()
def all_below(kind):
    for each in kind.__subclasses__():
        yield each
        yield from all_below(each)

for panel in all_below(bpy.types.Panel):
    if panel.__module__.startswith(module) and "draw" in vars(panel):
        panel.draw = drawn(panel.draw)
"""


def bench_addon() -> Iterator[Figure]:
    """What Blender's main thread gives to the extension."""
    with tempfile.TemporaryDirectory(prefix="flamenco-bench-") as name:
        folder = Path(name)
        extension = build_one(EDITIONS[0], None, folder)
        yield from _packing(folder, extension)
        yield from _watching(folder, extension)
        yield from _enabling(folder, extension)


def _packing(folder: Path, extension: Path) -> Iterator[Figure]:
    project = folder / "project"
    textures = project / "textures"
    make_textures(textures)
    farm = Farm(folder / "farm", bpy_program(folder / "bin"))
    farm.start_manager()
    try:
        with _measured_window(folder / "packing", extension, farm.url) as window:
            window.run(_FILL, textures=str(textures), file=str(project / "big.blend"))
            window.run(_SHOW_PROPERTIES)
            window.run("area.spaces.active.context = 'OUTPUT'")
            left, top, right, bottom = window.area("PROPERTIES")
            window.scroll((left + right) / 2, (top + bottom) / 2, 60)
            window.wait_until("connection.current().is_connected")
            window.wait_until("bool(bpy.context.scene.flamenco_job_type_name)")
            window.run("ticks.clear(); drawings.clear()")
            for number in range(SUBMISSIONS):
                make_textures(textures, number)
                window.run("bpy.ops.flamenco.submit_job('INVOKE_DEFAULT')")
                stage = _wait_for_submission(window)
                if stage != "done":
                    raise RuntimeError(f"the submission ended as {stage}")
            yield from _figures("packing", window)
    finally:
        farm.stop()


def _wait_for_submission(window: BlenderWindow) -> str:
    deadline = time.monotonic() + PACKING_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.5)
        stage = str(window.ask("submission_drivers.current().stage"))
        if stage == "asking":
            window.run("bpy.ops.flamenco.decide_on_warnings()")
        if stage in ("done", "failed", "cancelled"):
            return stage
    return f"unfinished ({stage}: {window.ask('submission_drivers.current().message')})"


def _watching(folder: Path, extension: Path) -> Iterator[Figure]:
    with (
        RunningManager(folder / "watched") as manager,
        _measured_window(
            folder / "watching", extension, f"http://127.0.0.1:{manager.port}"
        ) as window,
    ):
        for number in range(JOBS):
            settings = {"message": "x", "sleep_duration_seconds": 0, "sleep_repeats": 50}
            manager.submit(name=f"shot {number:03}", settings=settings)
        window.run(_SHOW_TAB)
        window.wait_until("choose_tab()")
        window.wait_until(f"len(live.shown.rows) >= {JOBS}", "the list of jobs")
        workers = [manager.add_worker(f"render-{number}") for number in range(WORKERS)]
        with _at_work(manager, workers):
            window.run("ticks.clear(); drawings.clear()")
            time.sleep(WATCHING_SECONDS)
            seen = window.ask("sum(row.steps_completed > 0 for row in live.shown.rows.values())")
            if not seen:
                raise RuntimeError("nothing happened that could have been watched")
            yield from _figures("watching", window)


def _enabling(folder: Path, extension: Path) -> Iterator[Figure]:
    home = folder / "enabling"
    script = """
        import addon_utils, time
        began = time.thread_time()
        addon_utils.enable(module)
        answer((time.thread_time() - began) * 1e3)
    """
    install = "bpy.ops.extensions.package_install_files(filepath=zip, repo='user_default')"
    names = {"zip": str(extension), "module": MODULE}
    times = []
    for run in range(ENABLING_RUNS + 1):
        text = f"{install}\n" if run == 0 else ""
        lines = "\n".join(line[8:] for line in script.splitlines())
        # Blender keeps what Python has compiled, whatever is usual on this machine.
        keeps = {"PYTHONDONTWRITEBYTECODE": ""}
        times.append(
            run_in_bpy(text + lines, home=home, names=names, environment=keeps, enable=False)
        )
    # The first one compiled everything.
    yield Figure(
        "enabling it, of the main thread, in ms", statistics.median(times[1:]), ENABLING_LIMIT_MS
    )


def _figures(doing: str, window: BlenderWindow) -> Iterator[Figure]:
    for what in ("ticks", "drawings"):
        times: list[float] = sorted(window.ask(what))
        if not times:
            raise RuntimeError(f"there were no {what} while {doing}")
        usual, worst = times[int(len(times) * 0.99)], times[-1]
        print(
            f"{doing}: {len(times)} {what}, {statistics.median(times):.2f} ms (median), "
            f"{usual:.2f} ms (99th percentile), {worst:.2f} ms (worst)"
        )
        if what == "ticks":
            yield Figure(f"{doing}, {what}, 99th percentile in ms", usual, USUAL_LIMIT_MS)
        yield Figure(f"{doing}, {what}, worst in ms", worst, WORST_LIMIT_MS)


@contextmanager
def _measured_window(home: Path, extension: Path, url: str) -> Iterator[BlenderWindow]:
    with blender_window(home, size=(1400, 1300)) as window:
        window.install(extension)
        window.run(
            f"""
            from {MODULE} import background, connection, submission_drivers
            from {MODULE}.monitor import live
            bpy.context.preferences.addons["{MODULE}"].preferences.manager_url = url
            """,
            url=url,
        )
        window.run(_MEASURE, module=MODULE)
        window.wait_until("connection.current().is_connected")
        yield window


@contextmanager
def _at_work(manager: RunningManager, workers: Sequence[WorkerLogin]) -> Iterator[None]:
    """Completes tasks of all jobs, one after the other, with something in each log."""
    is_over = threading.Event()

    def work(worker: WorkerLogin) -> None:
        with contextlib.suppress(Exception):
            while not is_over.is_set():
                task = take_task(manager, worker)["uuid"]
                report(manager, worker, task, log="rendering", taskStatus="completed")

    threads = [threading.Thread(target=work, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


_SHOW_PROPERTIES = """
area = max(bpy.context.window.screen.areas, key=lambda each: each.width * each.height)
area.type = "PROPERTIES"
"""

_SHOW_TAB = """
for area in bpy.context.window.screen.areas:
    if area.type == "VIEW_3D":
        area.spaces.active.show_region_ui = True
def choose_tab():
    with in_area("VIEW_3D", "UI"):
        try:
            bpy.context.region.active_panel_category = "Flamenco"
        except TypeError:
            bpy.context.region.tag_redraw()
            return False
        bpy.context.area.tag_redraw()
        return True
"""

_FILL = """
material = bpy.data.materials.new("many textures")
material.use_nodes = True
for texture in sorted(Path(textures).iterdir()):
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(texture))
bpy.context.active_object.data.materials.clear()
bpy.context.active_object.data.materials.append(material)
bpy.ops.wm.save_as_mainfile(filepath=file)
"""


def make_textures(folder: Path, version: int = 0) -> None:
    """They all differ, also from those of other versions, so that each of them has to be sent."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FILES - 1):
        (folder / f"texture-{number:04}.png").write_bytes(_png(version * FILES + number))


def _png(number: int) -> bytes:
    """One pixel of its own colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    colour = number.to_bytes(3, "big")
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts: list[Any] = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header)]
    return b"".join([*parts, chunk(b"IDAT", zlib.compress(b"\0" + colour)), chunk(b"IEND", b"")])
