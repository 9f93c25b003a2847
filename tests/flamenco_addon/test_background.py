"""Work on other threads, and its results on the main thread in small pieces."""

from __future__ import annotations

from pathlib import Path

from tests.flamenco_addon.blender_window import blender_window
from tests.flamenco_addon.in_bpy import run_in_bpy

SCRIPT = """
import logging, threading
from datetime import timedelta
from flamenco_addon import background

seen = {}
main = threading.current_thread()

# On which threads things happen.
work = background.run(lambda: threading.current_thread() is main,
                      then=lambda there: seen.update(
                          threads=[there, threading.current_thread() is main]))
assert background.wait_for(work)
seen["over"] = [work.is_over, work.is_cancelled]

# What fails is told.
errors = []
work = background.run(lambda: 1 / 0, then=lambda _: errors.append("no"),
                      failed=lambda error: errors.append(type(error).__name__))
background.wait_for(work)
seen["failed"] = errors

# Without `failed`, and when taking over fails, the log tells, and work is over all the same.
records = []
class Keep(logging.Handler):
    def emit(self, record):
        records.append(record.getMessage())
logger = logging.getLogger("flamenco_addon.background")
logger.addHandler(Keep())
logger.propagate = False
def break_down(_):
    raise ValueError("broken")
one = background.run(lambda: 1 / 0, name="dividing")
two = background.run(lambda: 1, then=break_down)
background.wait_for(one), background.wait_for(two)
seen["logged"] = [sorted(records), one.is_over, two.is_over]

# A generator goes on step by step, one after a tick whose time is over.
steps = []
def many(_):
    for number in range(5):
        steps.append(number)
        yield
work = background.run(lambda: None, then=many)
ticks = []
while not work.is_over:
    background.step(timedelta(0))
    ticks.append(len(steps))
seen["steps"] = [max(b - a for a, b in zip(ticks, ticks[1:])), list(steps)]

# Cancelled work hands nothing over, not even the rest of what it began.
gate = threading.Event()
work = background.run(gate.wait, then=lambda _: seen.update(cancelled="handed over"))
work.cancel()
gate.set()
left = background.run(lambda: None, then=many)
while len(steps) < 7:
    background.step(timedelta(0))
left.cancel()
for _ in range(20):
    background.step()
seen["cancelled"] = [seen.get("cancelled"), len(steps), background.wait_for(work)]

# No more threads than there may be, and all work is done in the end.
running, most, lock = 0, 0, threading.Lock()
def count():
    global running, most
    with lock:
        running += 1
        most = max(most, running)
    gate_of_all.wait()
    with lock:
        running -= 1
gate_of_all = threading.Event()
works = [background.run(count) for _ in range(40)]
while running < background.MOST_THREADS:
    pass
gate_of_all.set()
seen["many"] = [all(background.wait_for(each) for each in works), most]
answer(seen)
"""


def test_results_arrive_on_the_main_thread_in_small_pieces(tmp_path: Path) -> None:
    seen = run_in_bpy(SCRIPT, home=tmp_path)
    assert seen == {
        "threads": [False, True],
        "over": [True, False],
        "failed": ["ZeroDivisionError"],
        "logged": [["A result could not be taken over", "dividing: division by zero"], True, True],
        "steps": [1, [0, 1, 2, 3, 4]],
        "cancelled": [None, 7, True],
        "many": [True, 8],
    }


def test_the_timer_runs_while_a_panel_can_be_seen_and_rests_when_it_cannot(
    tmp_path: Path,
) -> None:
    with blender_window(tmp_path) as window:
        window.enable_from_checkout()
        window.run("from flamenco_addon import background, connection")
        window.show_properties("OUTPUT")
        window.wait_until("background.is_shown()")
        window.run("looked = []; background.each_second(lambda: looked.append(1))")
        window.wait_until("len(looked) > 5", "the panel is looked after for as long as it is shown")
        assert window.ask("background.is_shown()")
        window.show_properties("OBJECT")
        window.wait_until("not background.is_shown()")
        window.wait_until("not bpy.app.timers.is_registered(background._tick)")
        window.show_properties("OUTPUT")
        window.wait_until("background.is_shown()")
