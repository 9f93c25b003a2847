"""Tries what tasks will need of this machine (`--test`), and takes none.

Everything goes the way that tasks go: the farm's own Blender, on the devices of each slot, renders
a frame that is verified, and FFmpeg makes a video. Meanwhile the Manager shows the worker as
`testing`, and hands nothing out to it.
"""

from __future__ import annotations

import logging
import shlex
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flamenco_core.client import ManagerClient
from flamenco_core.errors import FlamencoError
from flamenco_core.model import Command
from flamenco_core.statuses import WorkerStatus
from flamenco_worker.abilities import BlenderCommand
from flamenco_worker.attempt_statistics import AttemptStatistics
from flamenco_worker.backing_off import BackOff
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.commands import Command as CommandOfTask
from flamenco_worker.commands import CommandContext, CommandFailed, make_command
from flamenco_worker.config import WorkerConfig
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.process import find_program
from flamenco_worker.programs import find_ffmpeg
from flamenco_worker.readiness import Needs, Readiness
from flamenco_worker.registration import Registration, SignedOn, Stopped
from flamenco_worker.slots import SlotPlan

log = logging.getLogger(__name__)

SIGN_ON_LIMIT = timedelta(seconds=30)
_SHOWN_LINES = 15
_SCENE = """
import bpy
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.samples = 4
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 64, 64
scene.render.resolution_percentage = 100
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""

Say = Callable[[str], None]


def try_machine(config: WorkerConfig, say: Say = print, limit: timedelta = SIGN_ON_LIMIT) -> bool:
    """Tells line by line what works; whether all of it does.

    Raises:
        FlamencoError: if the Manager cannot be reached or does not want this worker.
    """
    client = ManagerClient(config.manager_url)
    machine = MachineSettings(config)
    try:
        signed_on = _sign_on(client, config, machine, limit)
        say(f"Manager: {client.url} knows this machine as {config.worker_name}")
        try:
            client.worker_state_changed(WorkerStatus.TESTING)
            return _Trial(config, machine, signed_on.blender, say).is_all_well()
        finally:
            with suppress(FlamencoError):
                client.sign_off()
    finally:
        client.abort()


def _sign_on(
    client: ManagerClient, config: WorkerConfig, machine: MachineSettings, limit: timedelta
) -> SignedOn:
    stopping = threading.Event()
    in_time = threading.Timer(limit.total_seconds(), stopping.set)
    in_time.daemon = True
    in_time.start()
    try:
        return Registration(
            client,
            config,
            stopping,
            lambda: BackOff(timedelta(seconds=1), timedelta(seconds=5)),
            take_settings=machine.take,
        ).sign_on()
    except Stopped:
        raise FlamencoError(f"{client.url} does not answer") from None
    finally:
        in_time.cancel()


class _Trial:
    """Runs the commands of tasks without any task."""

    def __init__(
        self, config: WorkerConfig, machine: MachineSettings, farm: BlenderCommand | None, say: Say
    ) -> None:
        """`farm` is the Blender that the Manager names."""
        self._config = config
        self._machine = machine
        self._blender = farm or BlenderCommand(config.blender or "blender", "-b")
        self._say = say
        self._programs = RunningPrograms(config.home)

    def is_all_well(self) -> bool:
        problem = Readiness(Needs.of(self._config)).problem()
        self._say(f"Storage: {problem or 'is there, with room on the disks'}")
        with self._programs.begun(), tempfile.TemporaryDirectory(prefix="flamenco-test-") as made:
            # All is tried, whatever has been found wrong by then.
            results = list(self._attempts(Path(made)))
        return not problem and all(results)

    def _attempts(self, folder: Path) -> Iterator[bool]:
        plans = self._machine.slots()
        for plan in plans:
            if "blender" in plan.task_types:
                of_slot = f", {plan.name or f'slot {plan.number}'}" if len(plans) > 1 else ""
                own = folder / str(plan.number)
                own.mkdir()
                yield self._attempt(f"Blender{of_slot}", partial(self._render, own, plan))
        if any("ffmpeg" in plan.task_types for plan in plans):
            yield self._attempt("FFmpeg", partial(self._make_video, folder))

    def _attempt(self, name: str, run: Callable[[], str]) -> bool:
        try:
            self._say(f"{name}: {run()}")
        except FlamencoError as error:
            self._say(f"{name}: {error}")
            return False
        return True

    def _render(self, folder: Path, plan: SlotPlan) -> str:
        blend = folder / "test.blend"
        statistics = AttemptStatistics()
        context = self._context(plan, statistics)
        program = self._machine.program(self._blender.exe)
        save = ["--factory-startup", "--python-expr", _SCENE.format(path=str(blend))]
        lines: list[str] = []
        finished = context.run([program, *self._first_arguments(), "-b", *save], lines.append)
        if not blend.is_file():
            end = "\n  ".join(lines[-_SHOWN_LINES:])
            raise CommandFailed(
                f"{program} saves no file; it ended with exit code {finished.exit_code}\n  {end}"
            )
        parameters = {
            "exe": program,
            "exeArgs": self._blender.arguments,
            "blendfile": str(blend),
            "args": ["-o", f"{folder}/frame-######", "-F", "PNG", "-f", "1"],
        }
        began = time.monotonic()
        _command("blender-render", parameters).run(context)
        device = statistics.so_far().device or "the processor"
        seconds = time.monotonic() - began
        return f"{find_program(program)} rendered a frame in {seconds:.1f} s on {device}"

    def _first_arguments(self) -> list[str]:
        try:
            return shlex.split(self._blender.arguments)
        except ValueError as error:
            text = f"{{blenderArgs}} is {self._blender.arguments!r}, which cannot be split: {error}"
            raise CommandFailed(text) from None

    def _make_video(self, folder: Path) -> str:
        from PIL import Image

        Image.new("RGB", (64, 64), "orange").save(folder / "frame.png")
        parameters = {
            "exe": "ffmpeg",
            "fps": 24,
            "inputGlob": str(folder / "*.png"),
            "outputFile": str(folder / "video.mp4"),
            "args": ["-c:v", "libx264", "-pix_fmt", "yuv420p"],
        }
        context = self._context(self._machine.slots()[0], AttemptStatistics())
        _command("frames-to-video", parameters).run(context)
        return f"{find_ffmpeg('ffmpeg', self._machine.ffmpeg)} made a video"

    def _context(self, plan: SlotPlan, statistics: AttemptStatistics) -> CommandContext:
        machine = self._machine
        return CommandContext(
            task_id="test",
            attempt=1,
            cancellation=Cancellation(),
            log=log.debug,
            step=lambda: None,
            activity=lambda _text: None,
            output_produced=lambda _path: None,
            ffmpeg=machine.ffmpeg,
            oom_score=machine.oom_score,
            priority=machine.priority,
            threads=plan.threads or machine.threads,
            devices=plan.devices,
            device_fallback=machine.device_fallback,
            memory_limit=plan.memory_limit,
            program=machine.program,
            running=self._programs,
            statistics=statistics,
            limits=machine.time_limits,
        )


def _command(name: str, parameters: dict[str, Any]) -> CommandOfTask:
    return make_command(Command(name=name, parameters=parameters, total_step_count=1))
