"""The tables and indexes of the first release."""

FIRST_SCHEMA = """
CREATE TABLE farm (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    farm_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE workers (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    address TEXT NOT NULL,
    platform TEXT NOT NULL,
    software TEXT NOT NULL,
    status TEXT NOT NULL,
    status_requested TEXT,
    lazy_request INTEGER NOT NULL DEFAULT 0,
    can_restart INTEGER NOT NULL DEFAULT 0,
    last_seen_at INTEGER,
    -- The same on a clock that never jumps, for time-outs.
    alive_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
);
CREATE INDEX worker_statuses ON workers (status) WHERE deleted_at IS NULL;
CREATE INDEX silent_workers ON workers (alive_at)
    WHERE deleted_at IS NULL AND status NOT IN ('offline', 'error');

CREATE TABLE worker_task_types (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    task_type TEXT NOT NULL,
    PRIMARY KEY (worker_id, task_type)
) WITHOUT ROWID;
CREATE INDEX worker_types_by_type ON worker_task_types (task_type, worker_id);

CREATE TABLE worker_capabilities (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (worker_id, key)
) WITHOUT ROWID;

CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT ''
);

-- Minutes since midnight in the Manager's zone; days are digits, 0 for Monday.
CREATE TABLE sleep_schedules (
    worker_id INTEGER PRIMARY KEY REFERENCES workers ON DELETE CASCADE,
    is_active INTEGER NOT NULL,
    days TEXT NOT NULL,
    start_minute INTEGER,
    end_minute INTEGER,
    next_check_at INTEGER
);
CREATE INDEX due_sleep_schedules ON sleep_schedules (next_check_at)
    WHERE next_check_at IS NOT NULL;

CREATE TABLE worker_tags (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (worker_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX workers_of_tag ON worker_tags (tag_id, worker_id);

-- What a worker must offer to take a task: a task type and a set of requirements. There are few
-- of them, and which worker offers which is kept ready in worker_task_classes.
CREATE TABLE task_classes (
    id INTEGER PRIMARY KEY,
    task_type TEXT NOT NULL,
    requirements TEXT NOT NULL,
    UNIQUE (task_type, requirements)
);

CREATE TABLE task_class_requirements (
    task_class_id INTEGER NOT NULL REFERENCES task_classes ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (task_class_id, key)
) WITHOUT ROWID;

CREATE TABLE worker_task_classes (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    task_class_id INTEGER NOT NULL REFERENCES task_classes ON DELETE CASCADE,
    PRIMARY KEY (worker_id, task_class_id)
) WITHOUT ROWID;
CREATE INDEX workers_of_class ON worker_task_classes (task_class_id, worker_id);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    priority INTEGER NOT NULL,
    status TEXT NOT NULL,
    activity TEXT NOT NULL DEFAULT '',
    unsettled INTEGER NOT NULL DEFAULT 0,
    requeue_everything INTEGER NOT NULL DEFAULT 0,
    settings TEXT NOT NULL,
    metadata TEXT NOT NULL,
    submitter_platform TEXT NOT NULL,
    shaman_checkout_id TEXT,
    tag_id INTEGER REFERENCES tags ON DELETE RESTRICT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    delete_requested_at INTEGER,
    leave_files INTEGER NOT NULL DEFAULT 0,
    archived_at INTEGER,
    steps_completed INTEGER NOT NULL DEFAULT 0,
    steps_total INTEGER NOT NULL DEFAULT 0,
    tasks_queued INTEGER NOT NULL DEFAULT 0,
    tasks_active INTEGER NOT NULL DEFAULT 0,
    tasks_completed INTEGER NOT NULL DEFAULT 0,
    tasks_soft_failed INTEGER NOT NULL DEFAULT 0,
    tasks_failed INTEGER NOT NULL DEFAULT 0,
    tasks_paused INTEGER NOT NULL DEFAULT 0,
    tasks_canceled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX open_jobs ON jobs (status)
    WHERE status NOT IN ('completed', 'canceled', 'failed');
CREATE INDEX jobs_by_tag ON jobs (tag_id, id) WHERE tag_id IS NOT NULL;
CREATE INDEX jobs_by_checkout ON jobs (shaman_checkout_id) WHERE shaman_checkout_id IS NOT NULL;
CREATE INDEX finished_jobs ON jobs (updated_at)
    WHERE status IN ('completed', 'canceled', 'failed') AND delete_requested_at IS NULL;
-- Jobs whose tasks still have to be changed to fit the job's status, whoever crashed meanwhile.
CREATE INDEX unsettled_jobs ON jobs (unsettled, id) WHERE unsettled = 1;

-- What changes a job's scenes before each render; most jobs have none.
CREATE TABLE job_rna_overrides (
    job_id INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    lines TEXT NOT NULL
);

-- How many ready tasks of each class a job has. The scheduler walks the candidates' index.
CREATE TABLE job_queues (
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    task_class_id INTEGER NOT NULL REFERENCES task_classes,
    tag_id INTEGER NOT NULL,
    job_priority INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    ready_count INTEGER NOT NULL DEFAULT 0 CHECK (ready_count >= 0),
    PRIMARY KEY (job_id, task_class_id)
) WITHOUT ROWID;
CREATE INDEX job_queue_candidates
    ON job_queues (task_class_id, tag_id, job_priority DESC, job_id)
    WHERE is_open = 1 AND ready_count > 0;

-- A set of tasks that other tasks wait for, stored once however many wait for it.
CREATE TABLE dependency_groups (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    unmet INTEGER NOT NULL CHECK (unmet >= 0)
);
CREATE INDEX dependency_groups_of_job ON dependency_groups (job_id);

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    index_in_job INTEGER NOT NULL,
    name TEXT NOT NULL,
    task_class_id INTEGER NOT NULL REFERENCES task_classes,
    priority INTEGER NOT NULL,
    status TEXT NOT NULL,
    activity TEXT NOT NULL DEFAULT '',
    steps_completed INTEGER NOT NULL DEFAULT 0,
    steps_total INTEGER NOT NULL,
    dependency_group_id INTEGER REFERENCES dependency_groups,
    unmet_dependencies INTEGER NOT NULL DEFAULT 0,
    worker_id INTEGER REFERENCES workers,
    slot INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    reserved_until INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    last_touched_at INTEGER,
    -- For time-outs only, on a clock that never jumps: when the present attempt began, last
    -- completed a step, and was last heard of.
    attempt_began_at INTEGER,
    progress_at INTEGER,
    alive_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (job_id, index_in_job)
);
CREATE INDEX ready_tasks ON tasks (job_id, task_class_id, priority DESC, index_in_job)
    WHERE status IN ('queued', 'soft-failed') AND unmet_dependencies = 0
    AND reserved_until IS NULL;
CREATE INDEX tasks_by_status ON tasks (job_id, status, index_in_job);
CREATE INDEX held_tasks ON tasks (worker_id, slot)
    WHERE status = 'active' OR reserved_until IS NOT NULL;
CREATE INDEX reservations ON tasks (reserved_until) WHERE reserved_until IS NOT NULL;
CREATE INDEX reservations_of_job ON tasks (job_id) WHERE reserved_until IS NOT NULL;
CREATE INDEX last_tasks_of_worker ON tasks (worker_id, last_touched_at DESC);
CREATE INDEX silent_tasks ON tasks (alive_at) WHERE status = 'active';
CREATE INDEX stuck_tasks ON tasks (progress_at) WHERE status = 'active';
CREATE INDEX long_tasks ON tasks (attempt_began_at) WHERE status = 'active';
CREATE INDEX tasks_that_wait ON tasks (dependency_group_id)
    WHERE dependency_group_id IS NOT NULL;

CREATE TABLE dependency_group_parents (
    parent_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES dependency_groups ON DELETE CASCADE,
    PRIMARY KEY (parent_id, group_id)
) WITHOUT ROWID;
CREATE INDEX parents_of_group ON dependency_group_parents (group_id, parent_id);

-- Apart from tasks, so that the rows that are read all the time stay small.
CREATE TABLE task_commands (
    task_id INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    commands TEXT NOT NULL
);

CREATE TABLE task_attempts (
    task_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    worker_id INTEGER NOT NULL REFERENCES workers,
    slot INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    failure_class TEXT,
    log_size INTEGER NOT NULL DEFAULT 0,
    -- The end of what is in the log's file already, until the attempt ends.
    log_tail TEXT NOT NULL DEFAULT '',
    last_update TEXT,
    PRIMARY KEY (task_id, attempt)
) WITHOUT ROWID;
CREATE INDEX attempts_of_worker ON task_attempts (worker_id);

CREATE TABLE task_log_chunks (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    start INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX task_log_chunks_of_attempt ON task_log_chunks (task_id, attempt, id);

CREATE TABLE task_failures (
    task_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    task_class_id INTEGER NOT NULL REFERENCES task_classes,
    failed_at INTEGER NOT NULL,
    PRIMARY KEY (task_id, worker_id)
) WITHOUT ROWID;
CREATE INDEX failures_of_worker_in_job ON task_failures (job_id, worker_id, task_class_id);
CREATE INDEX failures_of_worker ON task_failures (worker_id);

CREATE TABLE job_blocks (
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    task_type TEXT NOT NULL,
    blocked_at INTEGER NOT NULL,
    PRIMARY KEY (job_id, worker_id, task_type)
) WITHOUT ROWID;
CREATE INDEX blocks_of_worker ON job_blocks (worker_id);

CREATE INDEX jobs_to_retire ON jobs (updated_at)
    WHERE status IN ('completed', 'canceled', 'failed') AND delete_requested_at IS NULL
    AND archived_at IS NULL;
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_type ON jobs (type, id);

-- The metadata of jobs once more, for finding jobs by it.
CREATE TABLE job_metadata (
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job_id, key)
) WITHOUT ROWID;
CREATE INDEX jobs_by_metadata ON job_metadata (key, value, job_id);

-- What each attempt took and made. Nothing here refers to other tables: it outlives them.
CREATE TABLE attempt_statistics (
    id INTEGER PRIMARY KEY,
    job_uuid TEXT NOT NULL,
    job_name TEXT NOT NULL,
    job_type TEXT NOT NULL,
    task_uuid TEXT NOT NULL,
    task_name TEXT NOT NULL,
    task_type TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    worker_uuid TEXT NOT NULL,
    worker_name TEXT NOT NULL,
    outcome TEXT,
    run_time INTEGER,
    load_time INTEGER,
    render_time INTEGER,
    save_time INTEGER,
    peak_memory INTEGER,
    device TEXT,
    samples INTEGER,
    output_count INTEGER,
    output_files TEXT,
    is_warm INTEGER,
    UNIQUE (task_uuid, attempt)
);
CREATE INDEX statistics_of_job ON attempt_statistics (job_uuid, id);

CREATE TABLE statistics_sums (
    worker_uuid TEXT NOT NULL,
    job_type TEXT NOT NULL,
    task_type TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    warm INTEGER NOT NULL,
    run_time INTEGER NOT NULL,
    load_time INTEGER NOT NULL,
    render_time INTEGER NOT NULL,
    save_time INTEGER NOT NULL,
    output_count INTEGER NOT NULL,
    peak_memory INTEGER NOT NULL,
    PRIMARY KEY (worker_uuid, job_type, task_type)
) WITHOUT ROWID;

-- Rings: a place is written over when its time comes round again.
CREATE TABLE host_statistics (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    ring TEXT NOT NULL,
    place INTEGER NOT NULL,
    period INTEGER NOT NULL,
    points TEXT NOT NULL,
    PRIMARY KEY (worker_id, ring, place)
);

-- What was decided about a job in a transaction and is carried out after it, piece by piece.
CREATE TABLE intents (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    is_on_files INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
);
CREATE INDEX open_intents ON intents (is_on_files, id) WHERE attempts < 5;
CREATE INDEX intents_of_job ON intents (job_id);

-- Which job showed an image last. By UUID: a job that is compiled again gets another row.
CREATE TABLE last_rendered (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    job_uuid TEXT NOT NULL
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_subject ON audit (subject, id);
"""
