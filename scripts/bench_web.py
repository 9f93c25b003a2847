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
    from playwright.sync_api import Browser, Page

EVENTS = 720_000
FIRST_PAINT_MS = 1000.0
FILTER_MS = 100.0
TYPING_PAUSE_MS = 120.0
"""So long the page waits whether somebody types on."""
MEMORY_MB = 300.0
OTHER_BROWSER_MS = 500.0
ROUNDS = 10
TIME_LIMIT_MS = 300_000

_KEEP_SOCKET = """
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...all) { super(...all); window.socket = this; }
};
"""
_WATCH = """([job, status]) => {
  const place = `.body [data-id="${job}"] [data-status="${status}"]`;
  window.seen = new Promise(done => {
    const look = () => document.querySelector(place)
      ? done(performance.timeOrigin + performance.now()) : requestAnimationFrame(look);
    look();
  });
}"""
_CLICK = """async name => {
  const find = () => [...document.querySelectorAll('[aria-label="The open job"] button')].find(
    each => each.textContent.trim() === name && each.getAttribute('aria-disabled') !== 'true');
  while (!find()) await new Promise(requestAnimationFrame);
  const began = performance.timeOrigin + performance.now();
  find().click();
  return began;
}"""
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
    """First paint, filters, scrolling, memory after very many events, and two browsers."""
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
            address = f"http://127.0.0.1:{port}/app/jobs"
            yield from _figures(page, address, large_job)
            page.goto("about:blank")
            yield Figure(
                "slowest change seen in another browser in ms",
                _other_browser(browser, address),
                OTHER_BROWSER_MS,
            )
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


def _other_browser(browser: Browser, address: str) -> float:
    """From a click in one browser to what another one shows of it, the longest of some."""
    first, second = (browser.new_context().new_page() for _ in range(2))
    first.goto(f"{address}?name=shot-{JOBS - 2}")
    row = first.locator(".body [data-id]")
    row.wait_for()
    job = row.get_attribute("data-id")
    second.goto(f"{address}/{job}")
    slowest = 0.0
    for number in range(ROUNDS):
        status, name = (("paused", "Pause"), ("queued", "Requeue"))[number % 2]
        first.evaluate(_WATCH, [job, status])
        began = _number(second, _CLICK, name)
        slowest = max(slowest, _number(first, "window.seen") - began)
    return slowest


def _wait_for_rows(page: Page, table: int, rows: int) -> None:
    from playwright.sync_api import expect

    # The page's policy refuses scripts that wait.
    expect(page.get_by_role("grid").nth(table)).to_have_attribute(
        "aria-rowcount", str(rows + 1), timeout=TIME_LIMIT_MS
    )


def _number(page: Page, script: str, argument: Any = None) -> float:
    return float(page.evaluate(script, argument))
