"""How quick the web interface is in Chromium, and how much memory it takes, with very many things.

The farm has 10,000 jobs, one of them with 100,000 tasks. Events are made inside the page, which
takes them as fast as it can.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import build_web
from bench_figures import Figure
from bench_lists import JOBS, TASKS, made_farm, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVENTS = 720_000
FIRST_PAINT_MS = 1000.0
FILTER_MS = 100.0
TYPING_PAUSE_MS = 120.0
"""So long the page waits whether somebody types on."""
MEMORY_MB = 300.0
TIME_LIMIT_MS = 300_000

_KEEP_SOCKET = """
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...all) { super(...all); window.socket = this; }
};
"""
_FILTER = """async ([field, table, text]) => {
  const rows = () => document.querySelectorAll('[role=grid]')[table].getAttribute('aria-rowcount');
  const [input, before] = [document.querySelectorAll('.search input')[field], rows()];
  const began = performance.now();
  input.value = text;
  input.dispatchEvent(new Event('input'));
  while (rows() === before) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""
_SCROLL = """async () => {
  const table = document.querySelectorAll('[role=grid]')[1];
  const box = table.getBoundingClientRect();
  let blanks = 0;
  for (let step = 0; step < 200; step++) {
    table.scrollTop += 700;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const middle = document.elementFromPoint(box.left + 300, box.top + box.height / 2);
    if (!middle?.closest('[role=row]')) blanks++;
  }
  return blanks;
}"""
_REPLAY = """async ([job, total]) => {
  const answer = await fetch(`/api/v3/jobs/${job}/tasks?fields=name,index_in_job`);
  const { tasks } = await answer.json();
  const statuses = ['active', 'completed', 'queued'];
  for (let sent = 0; sent < total; sent += 500) {
    const events = [];
    for (let number = sent; number < sent + 500; number++) {
      const task = tasks[number % tasks.length];
      const status = statuses[(Math.floor(number / tasks.length) + number) % 3];
      const data = { ...task, job_id: job, updated: '2026-11-22T01:00:00Z', status,
        activity: `Rendering ${number}`, steps_completed: 0, steps_total: 1, attempt: 1 };
      events.push({ id: `x.${number}`, type: 'task', topics: [`jobs/${job}/tasks`], data });
    }
    const text = JSON.stringify({ type: 'events', last_id: `x.${sent}`, events });
    window.socket.onmessage(new MessageEvent('message', { data: text }));
    await new Promise(done => setTimeout(done));
  }
  gc();
  return performance.memory.usedJSHeapSize / 1e6;
}"""


def bench_web() -> Iterator[Figure]:
    """First paint, filters, scrolling, and memory after very many events."""
    from playwright.sync_api import sync_playwright

    from tests.manager_service.browser import CHROMIUM

    if CHROMIUM is None:
        sys.exit("Chromium is missing; install it with apt-get install chromium")
    build_web.build_web()
    flags = ["--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        large_job = made_farm(Path(folder))
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*flags, "--enable-precise-memory-info"]
        )
        with serving(Path(folder)) as port:
            context = browser.new_context(bypass_csp=True, viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.set_default_timeout(TIME_LIMIT_MS)
            page.add_init_script(_KEEP_SOCKET)
            yield from _figures(page, f"http://127.0.0.1:{port}/app/jobs", large_job)
        browser.close()


def _figures(page: Page, address: str, large_job: str) -> Iterator[Figure]:
    page.goto(address)
    _wait_for_rows(page, 0, JOBS)
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    yield Figure("first paint with 10,000 jobs in ms", _number(page, paint), FIRST_PAINT_MS)
    filtered = _number(page, _FILTER, [0, 0, "shot-99"]) - TYPING_PAUSE_MS
    yield Figure("filtering 10,000 jobs in ms", filtered, FILTER_MS)
    page.goto(f"{address}/{large_job}")
    _wait_for_rows(page, 1, TASKS)
    yield Figure("blank places while scrolling", _number(page, _SCROLL), 1)
    # The first search reads all texts once.
    page.evaluate(_FILTER, [1, 1, "render-1"])
    page.evaluate(_FILTER, [1, 1, ""])
    filtered = _number(page, _FILTER, [1, 1, "render-99"]) - TYPING_PAUSE_MS
    yield Figure("filtering 100,000 tasks in ms", filtered, FILTER_MS)
    page.evaluate(_FILTER, [1, 1, ""])
    memory = _number(page, _REPLAY, [large_job, EVENTS])
    yield Figure(f"memory after {EVENTS} events in MB", memory, MEMORY_MB)


def _wait_for_rows(page: Page, table: int, rows: int) -> None:
    page.wait_for_function(
        "([table, rows]) => document.querySelectorAll('[role=grid]')[table]"
        "?.getAttribute('aria-rowcount') === String(rows + 1)",
        arg=[table, rows],
    )


def _number(page: Page, script: str, argument: Any = None) -> float:
    return float(page.evaluate(script, argument))
