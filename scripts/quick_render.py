"""Renders one .blend file on a farm that exists for that purpose only, and checks what came out.

This part of the quick start runs inside the environment, where the project is installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import demo_scene
from environment import CannotGoOnError
from flamenco_core.client import ManagerRefused
from flamenco_core.command_line.waiting import wait_for_job
from flamenco_core.frames import frame_in_file_name, parse_frames
from flamenco_core.model import Job
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_worker.blender.image_files import ImageRefused, ImageSize, read_image
from local_farm import LocalFarm, program

JOB_TYPE = "simple-blender-render"
_PRIORITY = "100"  # before anything that an earlier run has left
_DEMO_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the quick start was asked for."""

    home: Path
    port: int
    blender: Path
    output: Path
    """The frames go into a folder below this one, named after the job and the time."""
    blend: Path | None = None
    """`None` for the scene that the quick start makes itself."""
    frames: str | None = None
    """`None` for all frames of the scene."""
    keep_running: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    folder: Path
    frames: int
    size: ImageSize
    video: Path | None
    seconds: float


def quick_render(wishes: Wishes) -> None:
    """Starts the farm, renders, reports, stops the farm.

    Raises `CannotGoOnError` or `FlamencoError` if it does not end with checked frames.
    """
    started = time.monotonic()
    farm = LocalFarm(wishes.home, wishes.port, wishes.blender)
    try:
        blend = wishes.blend or _make_demo_scene(wishes)
        farm.start_manager()
        print(f"Manager at {farm.url}", flush=True)
        _cancel_leftover(farm)
        job_id = _submit(farm, wishes, blend)
        _leftover_note(farm).write_text(job_id, encoding="utf-8")
        farm.start_worker()
        job = farm.client.fetch_job(job_id)
        job = wait_for_job(farm.client, job, sleep=farm.sleep).job
        if job.status is not JobStatus.COMPLETED:
            raise CannotGoOnError(_why_not_completed(farm, job))
        folder, frames, size = check_frames(job)
        seconds = time.monotonic() - started
        _report(Result(folder, frames, size, _video(farm, job), seconds), farm)
        if wishes.keep_running:
            _keep_running(farm)
    finally:
        farm.stop()


def _make_demo_scene(wishes: Wishes) -> Path:
    folder = wishes.home / "scene"
    command = [str(wishes.blender), "-b", "--factory-startup", "--python-exit-code", "3"]
    command += ["--python", demo_scene.__file__, "--", str(folder)]
    try:
        made = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DEMO_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotGoOnError("Blender did not make the demo scene in time.") from error
    if made.returncode != 0:
        last = "\n  ".join((made.stdout + made.stderr).strip().splitlines()[-8:])
        raise CannotGoOnError(f"Blender could not make the demo scene:\n  {last}")
    return folder / demo_scene.BLENDFILE


def _submit(farm: LocalFarm, wishes: Wishes, blend: Path) -> str:
    """Through the program that people use; its progress and its errors go to the terminal."""
    command = [program("flamenco"), "submit", str(blend), f"--type={JOB_TYPE}"]
    command += [f"--manager={farm.url}", f"--priority={_PRIORITY}"]
    command += _set("render_output_root", wishes.output.as_posix())
    command += _set("frames", wishes.frames)
    command += _set("chunk_size", "3" if wishes.blend is None else None)
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    job = re.search(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", answer.stdout)
    if answer.returncode != 0 or job is None:
        raise CannotGoOnError(f"{blend} could not be submitted; the reason stands above.")
    print(f"Submitted {blend}", flush=True)
    return job[0]


def _set(key: str, value: str | None) -> Sequence[str]:
    return () if value is None else ("--set", f"{key}={value}")


def _leftover_note(farm: LocalFarm) -> Path:
    return farm.home / "last-job.txt"


def _cancel_leftover(farm: LocalFarm) -> None:
    """An interrupted run's job would be rendered before ours."""
    try:
        job_id = _leftover_note(farm).read_text(encoding="utf-8")
        job = farm.client.fetch_job(job_id)
        if job.status in (JobStatus.ACTIVE, JobStatus.QUEUED):
            reason = "The quick start that submitted it was interrupted"
            farm.client.set_job_status(job_id, JobStatus.CANCEL_REQUESTED, reason)
    except (OSError, ManagerRefused):
        return  # there was none, or it is gone


def _why_not_completed(farm: LocalFarm, job: Job) -> str:
    """What failed, with the logs saved as files: the Manager will not be there to ask for them."""
    lines = [f"The job is {job.status}: {job.activity}"]
    for summary in farm.client.fetch_job_tasks(job.id):
        if summary.status is not TaskStatus.FAILED:
            continue
        log = farm.logs / f"{summary.name}.log"
        log.write_text(farm.client.fetch_task_log(summary.id), encoding="utf-8")
        activity = farm.client.fetch_task(summary.id).activity
        lines.append(f"  {summary.name}: {activity}\n    its log: {log}")
    return "\n".join(lines)


def check_frames(job: Job) -> tuple[Path, int, ImageSize]:
    """Decodes every frame that the job was to render, once more and independent of the Worker.

    Returns the folder, how many frames there are, and their common size. Raises
    `CannotGoOnError` with all frames that are missing or not whole.
    """
    pattern = Path(str(job.settings["render_output_path"]))
    problems: list[str] = []
    sizes: dict[ImageSize, int] = {}
    frames = list(parse_frames(str(job.settings["frames"])))
    for frame in frames:
        digits = pattern.name.count("#")
        number = frame_in_file_name(frame, digits)
        name = pattern.name.replace("#" * digits, number)
        file = pattern.with_name(name + str(job.settings["image_file_extension"]))
        try:
            sizes.setdefault(read_image(file, str(job.settings["format"])), frame)
        except FileNotFoundError:
            problems.append(f"{file} is missing")
        except (OSError, ImageRefused) as error:
            problems.append(f"{file} {error}")
    if len(sizes) > 1:
        problems.append("the frames differ in size: " + ", ".join(map(str, sizes)))
    if problems:
        listed = "\n  ".join(problems)
        raise CannotGoOnError(f"The job ended, but not all frames are whole:\n  {listed}")
    return pattern.parent, len(frames), next(iter(sizes))


def _video(farm: LocalFarm, job: Job) -> Path | None:
    """The preview video; formats such as EXR without previews have none."""
    for summary in farm.client.fetch_job_tasks(job.id):
        for command in farm.client.fetch_task(summary.id).commands:
            if command.name == "frames-to-video":
                video = Path(str(command.parameters["outputFile"]))
                if not video.is_file() or not video.stat().st_size:
                    raise CannotGoOnError(f"The job ended, but there is no video {video}.")
                return video
    return None


def _report(result: Result, farm: LocalFarm) -> None:
    size = f"{result.size.width} × {result.size.height}"
    print(f"\nFrames  {result.folder}  ({result.frames} of {size} pixels, each one checked)")
    print(f"Video   {result.video or 'none: there is none for this image format'}")
    print(f"Logs    {farm.logs}")
    print(f"Time    {result.seconds:.0f} s", flush=True)


def _keep_running(farm: LocalFarm) -> None:
    """Until Ctrl+C, which is a wanted end here."""
    try:
        print(f"\nThe farm goes on at {farm.url}; Ctrl+C stops it.", flush=True)
        while True:
            farm.sleep(1)
    except KeyboardInterrupt:
        print("\nStopping.", file=sys.stderr)
