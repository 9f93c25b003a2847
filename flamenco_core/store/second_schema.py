"""What the second version of the schema adds to the first: see `migrations`."""

SECOND_SCHEMA = """
-- Of the tasks that wait for a group, in the order of their keys, those up to told_up_to know
-- whether it is done; NULL means that all of them know. With is_rework, those that used an old
-- result are queued again on the way.
ALTER TABLE dependency_groups ADD COLUMN told_up_to INTEGER;
ALTER TABLE dependency_groups ADD COLUMN is_rework INTEGER NOT NULL DEFAULT 0;
CREATE INDEX untold_groups ON dependency_groups (job_id, id) WHERE told_up_to IS NOT NULL;

-- Accounts of people, and what they and their programs come with. Names are in small letters.
-- Secrets are there as hashes only: passwords as Argon2 ones, random secrets as SHA-256.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    last_login_at INTEGER
);
CREATE INDEX users_by_role ON users (role, is_disabled);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    secret_hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- A token without a user is a service's, and stays when whoever made it goes.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    user_id INTEGER REFERENCES users ON DELETE CASCADE,
    made_by TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER
);
CREATE INDEX tokens_of_user ON tokens (user_id, id) WHERE user_id IS NOT NULL;

-- Which job was made for which idempotency key. By UUID, so that a key outlives its job.
CREATE TABLE submission_keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    job_uuid TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX submission_keys_by_age ON submission_keys (created_at);

-- The link to a Flamenco Server: its jobs and tasks as ours, by its own ids. A job of it that was
-- made anew there is several of ours, of which the newest counts.
CREATE TABLE upstream_jobs (
    upstream_id TEXT NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    PRIMARY KEY (upstream_id, job_id)
) WITHOUT ROWID;
CREATE INDEX upstream_jobs_by_job ON upstream_jobs (job_id);

CREATE TABLE upstream_tasks (
    task_id INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    upstream_id TEXT NOT NULL UNIQUE,
    etag TEXT NOT NULL
);

-- What the server is to be told, until it says that it has it. It outlives the task.
CREATE TABLE upstream_updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    update_id TEXT NOT NULL UNIQUE,
    upstream_task_id TEXT NOT NULL,
    status TEXT,
    body TEXT NOT NULL,
    refusals INTEGER NOT NULL DEFAULT 0,
    send_after INTEGER NOT NULL
);
CREATE INDEX upstream_updates_of_task ON upstream_updates (upstream_task_id, id);
CREATE INDEX upstream_updates_due ON upstream_updates (send_after, id);

CREATE TABLE upstream_link (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    downloaded_until TEXT NOT NULL
);
"""
