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
    id INTEGER PRIMARY KEY,
    update_id TEXT NOT NULL UNIQUE,
    upstream_task_id TEXT NOT NULL,
    status TEXT,
    body TEXT NOT NULL,
    refusals INTEGER NOT NULL DEFAULT 0,
    send_after INTEGER NOT NULL
);
CREATE INDEX upstream_updates_of_task ON upstream_updates (upstream_task_id, id);
CREATE INDEX upstream_updates_due ON upstream_updates (send_after, id);

-- Without is_on, the server has not been told of everything.
CREATE TABLE upstream_link (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    downloaded_until TEXT NOT NULL DEFAULT '',
    is_on INTEGER NOT NULL DEFAULT 0
);

-- Lists of jobs: who submitted one, when it ended, when it last showed an image; and an index for
-- each order that a list can be had in.
ALTER TABLE jobs ADD COLUMN submitted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN finished_at INTEGER;
ALTER TABLE jobs ADD COLUMN rendered_at INTEGER;
UPDATE jobs SET finished_at = updated_at WHERE status IN ('completed', 'canceled', 'failed');
UPDATE jobs SET submitted_by = coalesce((SELECT actor FROM audit
    WHERE subject = jobs.uuid AND action = 'job.submit' ORDER BY id LIMIT 1), '');
-- With a condition that costs less, since each change of a job looks at it.
DROP INDEX finished_jobs;
CREATE INDEX finished_jobs ON jobs (updated_at)
    WHERE finished_at IS NOT NULL AND delete_requested_at IS NULL;
DROP INDEX jobs_to_retire;
CREATE INDEX jobs_to_retire ON jobs (updated_at)
    WHERE finished_at IS NOT NULL AND delete_requested_at IS NULL AND archived_at IS NULL;
CREATE INDEX jobs_by_priority ON jobs (priority, id);
CREATE INDEX jobs_by_name ON jobs (name, id);
CREATE INDEX jobs_by_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_rendered ON jobs (rendered_at, id) WHERE rendered_at IS NOT NULL;
CREATE INDEX jobs_by_archived ON jobs (archived_at, id) WHERE archived_at IS NOT NULL;
CREATE INDEX jobs_by_submitter ON jobs (submitted_by, id);
CREATE INDEX tasks_by_name ON tasks (job_id, name, index_in_job);
CREATE INDEX workers_by_name ON workers (name, id) WHERE deleted_at IS NULL;
CREATE INDEX attempts_by_run_time ON attempt_statistics (job_uuid, run_time, id)
    WHERE run_time IS NOT NULL;

-- What people look for again and again. Without an owner it is for everybody.
CREATE TABLE saved_queries (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    listing TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (owner, listing, name)
);

-- Logs of attempts that are over, to be compressed once all of their text is in the file.
CREATE TABLE logs_to_compress (
    task_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (task_id, attempt)
) WITHOUT ROWID;

-- Why attempts failed: what their artists read, and the class, which outlives the job.
ALTER TABLE task_attempts ADD COLUMN failure_sentence TEXT NOT NULL DEFAULT '';
ALTER TABLE attempt_statistics ADD COLUMN failure_class TEXT;
UPDATE attempt_statistics SET failure_class = (SELECT a.failure_class FROM task_attempts a
    JOIN tasks t ON t.id = a.task_id
    WHERE t.uuid = attempt_statistics.task_uuid AND a.attempt = attempt_statistics.attempt);

-- The audit log by time, also that of people alone.
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_of_people ON audit (actor, id) WHERE actor >= 'person:' AND actor < 'person;';
"""
