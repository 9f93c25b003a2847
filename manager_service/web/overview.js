"use strict";

const REFRESH_MILLISECONDS = 3000;
const SHOWN_JOBS = 100;

async function fetchJSON(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** A table row; texts go in as text, so that no name can become markup. */
function row(cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) {
    const td = document.createElement("td");
    td.append(cell);
    tr.append(td);
  }
  return tr;
}

function progressOf(job) {
  const bar = document.createElement("progress");
  bar.max = Math.max(job.steps_total, 1);
  bar.value = job.steps_completed;
  bar.title = `${job.steps_completed} of ${job.steps_total} steps`;
  return bar;
}

function fill(id, rows, columns, whenEmpty) {
  const empty = row([whenEmpty]);
  empty.firstChild.colSpan = columns;
  document.getElementById(id).replaceChildren(...(rows.length ? rows : [empty]));
}

/** Shows who is logged in, or the form for it; returns whether anything else may be asked for. */
function showCaller(caller) {
  const isKnown = caller.kind === "person";
  document.getElementById("login").hidden = Boolean(caller.role);
  document.getElementById("account").hidden = !isKnown;
  document.getElementById("who").textContent = isKnown ? `${caller.name} (${caller.role})` : "";
  return Boolean(caller.role);
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error((await response.json()).message);
}

async function logIn(event) {
  event.preventDefault();
  const [user, password] = ["user", "password"].map((id) => document.getElementById(id));
  try {
    await post("/api/v3/login", { name: user.value, password: password.value });
    location.reload();
  } catch (error) {
    document.getElementById("trouble").textContent = error.message;
  }
  password.value = "";
}

async function logOut() {
  await post("/api/v3/logout");
  location.reload();
}

async function refresh() {
  const trouble = document.getElementById("trouble");
  try {
    const [version, caller] = await Promise.all([
      fetchJSON("/api/v3/version"),
      fetchJSON("/api/v3/whoami"),
    ]);
    document.title = document.getElementById("name").textContent = version.name;
    document.getElementById("version").textContent = version.version;
    if (!showCaller(caller)) return;
    const [jobs, workers] = await Promise.all([
      fetchJSON(`/api/v3/jobs?limit=${SHOWN_JOBS}`),
      fetchJSON("/api/v3/worker-mgt/workers"),
    ]);
    fill("jobs", jobs.jobs.map((job) => row([job.name, job.type, job.status, progressOf(job)])),
      4, "No jobs yet.");
    fill("workers", workers.workers.map((worker) => row([worker.name, worker.status, worker.version])),
      3, "No workers yet.");
    trouble.textContent = "";
  } catch (error) {
    trouble.textContent = `The Manager does not answer (${error.message}).`;
  }
  setTimeout(refresh, REFRESH_MILLISECONDS);
}

document.getElementById("login").addEventListener("submit", logIn);
document.getElementById("logout").addEventListener("click", logOut);
refresh();
