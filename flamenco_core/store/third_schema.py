"""What the third version of the schema adds to the second: see `migrations`."""

THIRD_SCHEMA = """
-- What workers with several slots take in each of them: task types as a JSON list, and what a slot
-- has other than its worker as a JSON object. A worker without rows has one slot for everything.
CREATE TABLE worker_slots (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    name TEXT NOT NULL,
    task_types TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    PRIMARY KEY (worker_id, slot)
) WITHOUT ROWID;

-- Why a worker has the status it has, in its own words; and whether it is in error because nothing
-- is heard of it, which its next request mends, other than an error that it reports itself.
ALTER TABLE workers ADD COLUMN status_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN is_lost INTEGER NOT NULL DEFAULT 0;
UPDATE workers SET is_lost = 1 WHERE status = 'error';
"""
