"""`bench.py farm-overhead`: what a farm costs beside one Blender that renders the same frames.

A Manager and a Worker on this machine render a job with one frame a task; then one `blender -b -a`
renders the same frames of the same file, with the same threads and format. The farm's time runs
from before the job is sent until the last frame is verified and in its place; Manager and Worker
run already, Blender does not, so that its start counts on both sides. Each round measures both
ways one after the other, so that what else the machine does falls upon both.

`FLAMENCO_BENCH_BLENDER` names another Blender than the one on PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench_figures import Figure
from tests.eventually import eventually
from tests.farm.farm import Farm, bpy_program, echo_job, render_job, waiting_workers

ROUNDS = 3
SHORT_FRAMES = 100
SHORT_SECONDS = 0.4
"""A frame; what is aimed at, from 0.3 to 0.5."""
SHORT_LIMIT = 1.10
LONG_FRAMES = 5
LONG_SECONDS = 10.0
LONG_LIMIT = 1.02
COLD_FRAMES = 25
"""Of the short ones; each starts a Blender, and is compared to as many of the one Blender."""
_PATIENCE_SECONDS = 1200

SCENE = """
import bpy
scene = bpy.context.scene
render = scene.render
render.engine = 'CYCLES'
scene.cycles.use_denoising = False
scene.cycles.use_adaptive_sampling = False
scene.cycles.samples = {samples}
render.resolution_x, render.resolution_y, render.resolution_percentage = 320, 180, 100
render.image_settings.file_format = 'PNG'
render.use_overwrite, render.use_placeholder = False, False
render.threads_mode, render.threads = 'FIXED', {threads}
scene.frame_start, scene.frame_end = 1, {frames}
cube = bpy.data.objects['Cube']
cube.keyframe_insert('rotation_euler', frame=1)
cube.rotation_euler.z = 3
cube.keyframe_insert('rotation_euler', frame=100)
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""


@dataclass(frozen=True)
class Bench:
    """A Blender, a farm that uses it, and where the frames go."""

    folder: Path
    blender: Path
    farm: Farm

    def scene(self, name: str, *, samples: int, frames: int) -> Path:
        path = self.folder / f"{name}.blend"
        source = SCENE.format(
            samples=samples, frames=frames, threads=os.cpu_count() or 1, path=str(path)
        )
        self._run("-b", "--factory-startup", "--python-expr", source)
        return path

    def calibrated(self, seconds: float) -> int:
        """How many samples make a frame last so long."""
        samples = 16
        for _ in range(3):
            scene = self.scene("calibration", samples=samples, frames=3)
            shutil.rmtree(self.folder / "calibration", ignore_errors=True)
            said = self._run("-b", str(scene), "-o", f"{self.folder}/calibration/######", "-a")
            found = re.findall(r"Time: (?:(\d+):)?(\d+):([\d.]+) \(Saving", said)
            times = [float(m or 0) * 60 + float(s) for _h, m, s in found]
            # The first frame waits for what others do not.
            samples = max(1, round(samples * seconds / statistics.median(times[1:])))
        return samples

    def one_blender(self, scene: Path) -> float:
        """Seconds from its start to its end."""
        output = self._new_output()
        began = time.perf_counter()
        self._run("-b", str(scene), "-o", f"{output}/######", "-F", "PNG", "-a")
        return time.perf_counter() - began

    def farm_seconds(self, scene: Path, frames: int, *, warm: bool) -> float:
        """Seconds from the submission to the last frame in its place."""
        output = self._new_output()
        job = render_job(scene, output, frames=f"1-{frames}", fps=0.0)
        job["metadata"] = {"blender.warm": "on" if warm else "off"}
        eventually(lambda: waiting_workers(self.farm) == 1, "the worker waits")
        time.sleep(self._idle_end)
        began = time.time()
        submitted = self.farm.submit_job(job)
        names = [output / f"{frame:06}.png" for frame in range(1, frames + 1)]

        def is_done() -> bool:
            time.sleep(0.2)  # to look costs what is measured
            return names[-1].exists() and all(name.exists() for name in names)

        eventually(is_done, "the frames", seconds=_PATIENCE_SECONDS)
        ended = self.farm.wait_for_end(submitted)
        if ended["status"] != "completed":
            raise RuntimeError(f"the job has {ended['status']}\n{self.farm.logs()}")
        # Moving a frame to its place after it was verified changes this and not its age.
        return max(name.stat().st_ctime for name in names) - began

    def farm_processor_seconds(self) -> float:
        """Of Manager and Worker and all that they have started, so far."""
        seconds = 0.0
        for program in (self.farm.manager, self.farm.worker):
            if program is None:
                continue
            process = psutil.Process(program.pid)
            for each in [process, *process.children(recursive=True)]:
                times = each.cpu_times()
                seconds += times.user + times.system
            seconds += _processor_seconds(program.pid)
        return seconds

    _idle_end = 1.5
    """Seconds that the worker of this bench keeps an idle Blender, and some more."""

    def _new_output(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder, prefix="frames-"))

    def _run(self, *arguments: str) -> str:
        command = ["nice", "-n", "10", str(self.blender), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
        return done.stdout


def bench_farm_overhead() -> Iterator[Figure]:
    """The farm's time over that of one Blender, warm and cold."""
    with _bench() as bench:
        samples = bench.calibrated(SHORT_SECONDS)
        short = bench.scene("short", samples=samples, frames=SHORT_FRAMES)
        ratio = _ratio(bench, short, SHORT_FRAMES)
        name = f"{SHORT_FRAMES} frames of {SHORT_SECONDS:g} s"
        yield Figure(f"warm farm over one Blender, {name}", ratio, SHORT_LIMIT)
        few = bench.scene("few", samples=samples, frames=COLD_FRAMES)
        cold = bench.farm_seconds(few, COLD_FRAMES, warm=False) / bench.one_blender(few)
        print(f"cold farm over one Blender, {COLD_FRAMES} of them: {cold:.2f}")
        samples = round(samples * LONG_SECONDS / SHORT_SECONDS)
        long = bench.scene("long", samples=samples, frames=LONG_FRAMES)
        ratio = _ratio(bench, long, LONG_FRAMES)
        name = f"{LONG_FRAMES} frames of {LONG_SECONDS:g} s"
        yield Figure(f"warm farm over one Blender, {name}", ratio, LONG_LIMIT)


def _ratio(bench: Bench, scene: Path, frames: int) -> float:
    """Of times of day. Processor time is printed, too, since other programs disturb it less."""
    ratios = []
    for _ in range(ROUNDS):
        began = _processor_seconds(os.getpid())
        alone = bench.one_blender(scene)
        alone_processor = _processor_seconds(os.getpid()) - began
        began = bench.farm_processor_seconds()
        farm = bench.farm_seconds(scene, frames, warm=True)
        farm_processor = bench.farm_processor_seconds() - began
        ratios.append(farm / alone)
        print(
            f"one Blender {alone:.1f} s, farm {farm:.1f} s: {ratios[-1]:.3f}; of the processor "
            f"{alone_processor:.1f} s, {farm_processor:.1f} s: "
            f"{farm_processor / alone_processor:.3f}",
            flush=True,
        )
    return statistics.median(ratios)


def _processor_seconds(process_id: int) -> float:
    """Of the children of a process that have ended."""
    times = psutil.Process(process_id).cpu_times()
    return float(times.children_user + times.children_system)


@contextmanager
def _bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        asked = os.environ.get("FLAMENCO_BENCH_BLENDER") or shutil.which("blender")
        blender = Path(asked) if asked else bpy_program(folder)
        farm = Farm(folder / "farm", blender)
        worker = farm.folder / "worker"
        worker.mkdir(parents=True, exist_ok=True)
        # Blender's start is to count each time.
        (worker / "flamenco-worker.yaml").write_text("warm_blender: {idle: 1s}\n", encoding="utf-8")
        try:
            farm.start_manager()
            farm.start_worker()
            # What a Manager starts with its first job is no part of later ones.
            farm.wait_for_end(farm.submit_job(echo_job("first", sleeps=0)))
            yield Bench(folder, blender, farm)
        finally:
            farm.stop()
