from __future__ import annotations

import itertools
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from PIL import Image

from flamenco_worker.blender.frame_collector import FrameCollector
from flamenco_worker.blender.in_blender_report import PROBE_NAME
from flamenco_worker.blender.verify import ExpectedFile, RenderPlan

PATIENCE = 120
"""Seconds that a test waits for another thread."""


def plan_in(output: Path, frames: range, render: int = 0) -> RenderPlan:
    """A plan whose attempt has begun."""
    folder = output / f".attempt-1-{render}"
    folder.mkdir(parents=True)
    (folder / PROBE_NAME).write_text("task\n", encoding="utf-8")
    files = [
        ExpectedFile(
            frame=frame,
            path=output / f"{frame:06}.png",
            rendered=folder / f"{frame:06}.png",
            format="PNG",
            width=8,
            height=4,
        )
        for frame in frames
    ]
    return RenderPlan(
        render=render,
        scene="Scene",
        format="PNG",
        frames=list(frames),
        files=files,
        folder=folder,
        in_place=[],
        is_movie=False,
        overwrite=True,
        missing=[],
    )


def render(expected: ExpectedFile, collector: FrameCollector) -> None:
    Image.new("RGB", (8, 4)).save(expected.rendered)
    collector.saved(expected.rendered)


def test_a_check_that_breaks_off_is_told_with_its_frame(tmp_path: Path) -> None:
    def on_frame(frame: int, _path: Path) -> None:
        if frame == 1:
            raise ZeroDivisionError("a fault")

    plan = plan_in(tmp_path, range(1, 3))
    with FrameCollector(on_frame) as collector:
        collector.expect(plan)
        for expected in plan.files:
            render(expected, collector)
        refusals = collector.finish()
    (refusal,) = refusals
    assert refusal.message == (
        f"Frame 1: the check of {tmp_path / '000001.png'} broke off,"
        " a fault in the worker (ZeroDivisionError: a fault)"
    )
    assert (tmp_path / "000002.png").exists()


def test_a_frame_that_is_refused_is_told_once(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, range(1, 2))
    with FrameCollector(lambda _frame, _path: None) as collector:
        collector.expect(plan)
        plan.files[0].rendered.write_bytes(b"torn")
        collector.saved(plan.files[0].rendered)
        assert len(collector.finish()) == 1


def test_the_next_render_may_be_announced_while_a_frame_is_reported(tmp_path: Path) -> None:
    is_reporting, has_announced = threading.Event(), threading.Event()
    done: list[int] = []

    def on_frame(frame: int, _path: Path) -> None:
        is_reporting.set()
        assert has_announced.wait(PATIENCE)
        done.append(frame)

    first = plan_in(tmp_path / "first", range(1, 3))
    second = plan_in(tmp_path / "second", range(1, 3), render=1)
    with FrameCollector(on_frame) as collector:
        collector.expect(first)
        render(first.files[0], collector)
        assert is_reporting.wait(PATIENCE)
        collector.expect(second)
        has_announced.set()
        for expected in [*first.files[1:], *second.files]:
            render(expected, collector)
        assert collector.finish() == []
    assert sorted(done) == [1, 1, 2, 2]


def test_renders_that_are_announced_while_frames_are_checked_lose_no_frame(
    tmp_path: Path,
) -> None:
    plan = plan_in(tmp_path, range(1, 2001))
    rendered = plan.files[:30]
    done: list[int] = []
    interval = sys.getswitchinterval()
    with FrameCollector(lambda frame, _path: done.append(frame)) as collector:
        collector.expect(plan)
        sys.setswitchinterval(1e-6)  # so that the threads do get into each other's way
        try:
            for expected in rendered:
                render(expected, collector)
            deadline = time.monotonic() + PATIENCE
            for number in itertools.count():
                if len(done) == len(rendered) or time.monotonic() > deadline:
                    break
                other = replace(plan.files[0], rendered=tmp_path / f"{number}.png")
                collector.expect(replace(plan, files=[other], folder=None))
        finally:
            sys.setswitchinterval(interval)
        collector.stop()
        assert collector.finish() == []
    assert done == [expected.frame for expected in rendered]
