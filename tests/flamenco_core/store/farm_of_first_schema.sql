-- A farm of the first schema, as a program of that schema left it: jobs in many states, with
-- tasks, logs, failures and statistics; workers with tags, schedules and capabilities.
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'flamenco','0001_first_schema','2026-11-21 21:38:21.222616+00:00');
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
INSERT INTO "attempt_statistics" VALUES(1,'00000000-0000-4000-8000-000000000006','done and archived','echo-sleep-test','00000000-0000-4000-8000-000000000007','echo','misc',1,'00000000-0000-4000-8000-000000000002','render-1','completed',40000000,NULL,3500000,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempt_statistics" VALUES(2,'00000000-0000-4000-8000-000000000006','done and archived','echo-sleep-test','00000000-0000-4000-8000-000000000008','sleep','misc',1,'00000000-0000-4000-8000-000000000002','render-1','completed',40000000,NULL,3500000,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempt_statistics" VALUES(3,'7b998b92-336e-46a6-a6bf-f63285faaaf2','shot 010','simple-blender-render','8036790b-7e2f-4081-8d60-b53bc63a2506','render-1-10','blender',1,'00000000-0000-4000-8000-000000000002','render-1','completed',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempt_statistics" VALUES(4,'7b998b92-336e-46a6-a6bf-f63285faaaf2','shot 010','simple-blender-render','dbe83aa5-2412-4a95-b800-95a35032b6bd','render-11-20','blender',1,'00000000-0000-4000-8000-000000000003','render-2','soft-failed',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO "audit" VALUES(1,1770091506000000,'manager','worker.register','00000000-0000-4000-8000-000000000002','{"name": "render-1", "address": "127.0.0.1"}');
INSERT INTO "audit" VALUES(2,1770091506000000,'worker:00000000-0000-4000-8000-000000000002','worker.sign-on','00000000-0000-4000-8000-000000000002','{"version": "1.0", "address": "127.0.0.1"}');
INSERT INTO "audit" VALUES(3,1770091506000000,'worker:00000000-0000-4000-8000-000000000002','worker.status','00000000-0000-4000-8000-000000000002','{"status": "awake"}');
INSERT INTO "audit" VALUES(4,1770091506000000,'manager','worker.register','00000000-0000-4000-8000-000000000003','{"name": "render-2", "address": "127.0.0.1"}');
INSERT INTO "audit" VALUES(5,1770091506000000,'worker:00000000-0000-4000-8000-000000000003','worker.sign-on','00000000-0000-4000-8000-000000000003','{"version": "1.0", "address": "127.0.0.1"}');
INSERT INTO "audit" VALUES(6,1770091506000000,'worker:00000000-0000-4000-8000-000000000003','worker.status','00000000-0000-4000-8000-000000000003','{"status": "awake"}');
INSERT INTO "audit" VALUES(7,1770091506000000,'manager','worker.register','00000000-0000-4000-8000-000000000004','{"name": "old-laptop", "address": "127.0.0.1"}');
INSERT INTO "audit" VALUES(8,1770091506000000,'worker:00000000-0000-4000-8000-000000000004','worker.sign-on','00000000-0000-4000-8000-000000000004','{"version": "1.0", "address": "127.0.0.1"}');
INSERT INTO "audit" VALUES(9,1770091506000000,'worker:00000000-0000-4000-8000-000000000004','worker.status','00000000-0000-4000-8000-000000000004','{"status": "awake"}');
INSERT INTO "audit" VALUES(10,1770091506000000,'worker:00000000-0000-4000-8000-000000000004','worker.sign-off','00000000-0000-4000-8000-000000000004','{}');
INSERT INTO "audit" VALUES(11,1770091506000000,'person:mia','tag.create','00000000-0000-4000-8000-000000000005','{"name": "fast"}');
INSERT INTO "audit" VALUES(12,1770091506000000,'person:mia','worker.tags','00000000-0000-4000-8000-000000000002','{"tags": ["fast"]}');
INSERT INTO "audit" VALUES(13,1770091506000000,'person:mia','worker.sleep-schedule','00000000-0000-4000-8000-000000000003','{"is_active": true, "days": "mo tu", "start": "09:00", "end": "18:00"}');
INSERT INTO "audit" VALUES(14,1770091506000000,'person:mia','job.submit','00000000-0000-4000-8000-000000000006','{"name": "done and archived", "type": "echo-sleep-test", "status": "queued"}');
INSERT INTO "audit" VALUES(15,1770091506000000,'worker:00000000-0000-4000-8000-000000000002','task.assign','00000000-0000-4000-8000-000000000007','{"worker": "00000000-0000-4000-8000-000000000002", "slot": 0, "attempt": 1}');
INSERT INTO "audit" VALUES(16,1770091546000000,'worker:00000000-0000-4000-8000-000000000002','task.update','00000000-0000-4000-8000-000000000007','{"status": "completed", "attempt": 1}');
INSERT INTO "audit" VALUES(17,1770091546000000,'worker:00000000-0000-4000-8000-000000000002','task.assign','00000000-0000-4000-8000-000000000008','{"worker": "00000000-0000-4000-8000-000000000002", "slot": 0, "attempt": 1}');
INSERT INTO "audit" VALUES(18,1770091586000000,'worker:00000000-0000-4000-8000-000000000002','task.update','00000000-0000-4000-8000-000000000008','{"status": "completed", "attempt": 1}');
INSERT INTO "audit" VALUES(19,1770091586000000,'person:mia','job.archive','00000000-0000-4000-8000-000000000006','{"name": "done and archived", "status": "completed"}');
INSERT INTO "audit" VALUES(20,1770091586000000,'person:mia','job.submit','00000000-0000-4000-8000-000000000009','{"name": "to be deleted", "type": "echo-sleep-test", "status": "queued"}');
INSERT INTO "audit" VALUES(21,1770091586000000,'person:mia','job.delete','00000000-0000-4000-8000-000000000009','{"name": "to be deleted", "leave_files": false}');
INSERT INTO "audit" VALUES(22,1770091586000000,'manager','job.submit','7b998b92-336e-46a6-a6bf-f63285faaaf2','{"name": "shot 010", "type": "simple-blender-render", "status": "queued"}');
INSERT INTO "audit" VALUES(23,1770091586000000,'worker:00000000-0000-4000-8000-000000000002','task.assign','8036790b-7e2f-4081-8d60-b53bc63a2506','{"worker": "00000000-0000-4000-8000-000000000002", "slot": 0, "attempt": 1}');
INSERT INTO "audit" VALUES(24,1770091586000000,'worker:00000000-0000-4000-8000-000000000002','task.update','8036790b-7e2f-4081-8d60-b53bc63a2506','{"status": "completed", "attempt": 1}');
INSERT INTO "audit" VALUES(25,1770091586000000,'worker:00000000-0000-4000-8000-000000000003','task.assign','dbe83aa5-2412-4a95-b800-95a35032b6bd','{"worker": "00000000-0000-4000-8000-000000000003", "slot": 0, "attempt": 1}');
INSERT INTO "audit" VALUES(26,1770091586000000,'worker:00000000-0000-4000-8000-000000000003','task.update','dbe83aa5-2412-4a95-b800-95a35032b6bd','{"status": "failed", "attempt": 1}');
INSERT INTO "audit" VALUES(27,1770091586000000,'worker:00000000-0000-4000-8000-000000000002','task.assign','dbe83aa5-2412-4a95-b800-95a35032b6bd','{"worker": "00000000-0000-4000-8000-000000000002", "slot": 0, "attempt": 2}');
INSERT INTO "audit" VALUES(28,1770091586000000,'person:mia','job.submit','00000000-0000-4000-8000-000000000012','{"name": "canceled", "type": "echo-sleep-test", "status": "queued"}');
INSERT INTO "audit" VALUES(29,1770091586000000,'person:mia','job.status','00000000-0000-4000-8000-000000000012','{"status": "cancel-requested", "reason": "not wanted"}');
INSERT INTO "audit" VALUES(30,1770091586000000,'person:mia','job.submit','00000000-0000-4000-8000-000000000015','{"name": "paused", "type": "echo-sleep-test", "status": "queued"}');
INSERT INTO "audit" VALUES(31,1770091586000000,'person:mia','job.status','00000000-0000-4000-8000-000000000015','{"status": "pause-requested", "reason": "later"}');
INSERT INTO "audit" VALUES(32,1770091586000000,'person:mia','job.submit','00000000-0000-4000-8000-000000000018','{"name": "waiting", "type": "echo-sleep-test", "status": "queued"}');
INSERT INTO "audit" VALUES(33,1770091586000000,'person:mia','job.rna-overrides','00000000-0000-4000-8000-000000000018','{"lines": ["x = 1"], "before": []}');
CREATE TABLE dependency_group_parents (
    parent_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES dependency_groups ON DELETE CASCADE,
    PRIMARY KEY (parent_id, group_id)
) WITHOUT ROWID;
INSERT INTO "dependency_group_parents" VALUES(1,1);
INSERT INTO "dependency_group_parents" VALUES(3,2);
INSERT INTO "dependency_group_parents" VALUES(5,3);
INSERT INTO "dependency_group_parents" VALUES(6,3);
INSERT INTO "dependency_group_parents" VALUES(7,3);
INSERT INTO "dependency_group_parents" VALUES(8,3);
INSERT INTO "dependency_group_parents" VALUES(10,4);
INSERT INTO "dependency_group_parents" VALUES(12,5);
INSERT INTO "dependency_group_parents" VALUES(14,6);
CREATE TABLE dependency_groups (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    unmet INTEGER NOT NULL CHECK (unmet >= 0)
);
INSERT INTO "dependency_groups" VALUES(1,1,0);
INSERT INTO "dependency_groups" VALUES(2,2,1);
INSERT INTO "dependency_groups" VALUES(3,3,3);
INSERT INTO "dependency_groups" VALUES(4,4,1);
INSERT INTO "dependency_groups" VALUES(5,5,1);
INSERT INTO "dependency_groups" VALUES(6,6,1);
CREATE TABLE farm (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    farm_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
INSERT INTO "farm" VALUES(1,'00000000-0000-4000-8000-000000000001',1770091506000000);
CREATE TABLE host_statistics (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    ring TEXT NOT NULL,
    place INTEGER NOT NULL,
    period INTEGER NOT NULL,
    points TEXT NOT NULL,
    PRIMARY KEY (worker_id, ring, place)
);
INSERT INTO "host_statistics" VALUES(1,'seconds',6,29501526,'{"26":[55,null,null,null,null]}');
INSERT INTO "host_statistics" VALUES(1,'minutes',652,491692,'{"6":[55.0,null,null,null,null]}');
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
INSERT INTO "intents" VALUES(1,'archive-job','00000000-0000-4000-8000-000000000006',1,0,0,0,1770091586000000);
INSERT INTO "intents" VALUES(2,'delete-job','00000000-0000-4000-8000-000000000009',2,0,0,0,1770091586000000);
CREATE TABLE job_blocks (
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    task_type TEXT NOT NULL,
    blocked_at INTEGER NOT NULL,
    PRIMARY KEY (job_id, worker_id, task_type)
) WITHOUT ROWID;
CREATE TABLE job_metadata (
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job_id, key)
) WITHOUT ROWID;
INSERT INTO "job_metadata" VALUES(1,'project','Spring');
INSERT INTO "job_metadata" VALUES(2,'project','Spring');
INSERT INTO "job_metadata" VALUES(3,'project','Spring');
INSERT INTO "job_metadata" VALUES(4,'project','Spring');
INSERT INTO "job_metadata" VALUES(5,'project','Spring');
INSERT INTO "job_metadata" VALUES(6,'project','Spring');
INSERT INTO "job_metadata" VALUES(3,'user','mia');
CREATE TABLE job_queues (
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    task_class_id INTEGER NOT NULL REFERENCES task_classes,
    tag_id INTEGER NOT NULL,
    job_priority INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    ready_count INTEGER NOT NULL DEFAULT 0 CHECK (ready_count >= 0),
    PRIMARY KEY (job_id, task_class_id)
) WITHOUT ROWID;
INSERT INTO "job_queues" VALUES(1,1,0,90,0,0);
INSERT INTO "job_queues" VALUES(2,1,0,50,0,0);
INSERT INTO "job_queues" VALUES(3,2,0,70,1,2);
INSERT INTO "job_queues" VALUES(3,3,0,70,1,0);
INSERT INTO "job_queues" VALUES(4,1,0,50,0,0);
INSERT INTO "job_queues" VALUES(5,1,0,50,0,0);
INSERT INTO "job_queues" VALUES(6,1,0,10,1,1);
CREATE TABLE job_rna_overrides (
    job_id INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    lines TEXT NOT NULL
);
INSERT INTO "job_rna_overrides" VALUES(6,'["x = 1"]');
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
INSERT INTO "jobs" VALUES(1,'00000000-0000-4000-8000-000000000006','done and archived','echo-sleep-test',90,'completed','all tasks completed',0,0,'{"message": "done and archived", "sleep_duration_seconds": 1, "sleep_repeats": 1}','{"project": "Spring"}','linux',NULL,NULL,1770091506000000,1770091586000000,NULL,0,1770091586000000,2,2,0,0,2,0,0,0,0);
INSERT INTO "jobs" VALUES(2,'00000000-0000-4000-8000-000000000009','to be deleted','echo-sleep-test',50,'canceled','The job is being deleted',0,0,'{"message": "to be deleted", "sleep_duration_seconds": 1, "sleep_repeats": 1}','{"project": "Spring"}','linux',NULL,NULL,1770091586000000,1770091586000000,1770091586000000,0,NULL,0,2,0,0,0,0,0,0,2);
INSERT INTO "jobs" VALUES(3,'7b998b92-336e-46a6-a6bf-f63285faaaf2','shot 010','simple-blender-render',70,'active','a task started',0,0,'{"frames": "1-40"}','{"project": "Spring", "user": "mia"}','linux',NULL,NULL,1795297101307562,1770091586000000,NULL,0,NULL,12,41,3,1,1,0,0,0,0);
INSERT INTO "jobs" VALUES(4,'00000000-0000-4000-8000-000000000012','canceled','echo-sleep-test',50,'canceled','not wanted',0,0,'{"message": "canceled", "sleep_duration_seconds": 1, "sleep_repeats": 1}','{"project": "Spring"}','linux',NULL,NULL,1770091586000000,1770091586000000,NULL,0,NULL,0,2,0,0,0,0,0,0,2);
INSERT INTO "jobs" VALUES(5,'00000000-0000-4000-8000-000000000015','paused','echo-sleep-test',50,'paused','no task is active any more',0,0,'{"message": "paused", "sleep_duration_seconds": 1, "sleep_repeats": 1}','{"project": "Spring"}','linux',NULL,NULL,1770091586000000,1770091586000000,NULL,0,NULL,0,2,0,0,0,0,0,2,0);
INSERT INTO "jobs" VALUES(6,'00000000-0000-4000-8000-000000000018','waiting','echo-sleep-test',10,'queued','submitted',0,0,'{"message": "waiting", "sleep_duration_seconds": 1, "sleep_repeats": 1}','{"project": "Spring"}','linux',NULL,NULL,1770091586000000,1770091586000000,NULL,0,NULL,0,2,2,0,0,0,0,0,0);
CREATE TABLE last_rendered (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    job_uuid TEXT NOT NULL
);
CREATE TABLE sleep_schedules (
    worker_id INTEGER PRIMARY KEY REFERENCES workers ON DELETE CASCADE,
    is_active INTEGER NOT NULL,
    days TEXT NOT NULL,
    start_minute INTEGER,
    end_minute INTEGER,
    next_check_at INTEGER
);
INSERT INTO "sleep_schedules" VALUES(2,1,'01',540,1080,1770109200000000);
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
INSERT INTO "statistics_sums" VALUES('','echo-sleep-test','misc',2,2,0,2,0,80000000,0,7000000,0,0,0);
INSERT INTO "statistics_sums" VALUES('','simple-blender-render','blender',2,1,1,0,0,0,0,0,0,0,0);
INSERT INTO "statistics_sums" VALUES('00000000-0000-4000-8000-000000000002','echo-sleep-test','misc',2,2,0,2,0,80000000,0,7000000,0,0,0);
INSERT INTO "statistics_sums" VALUES('00000000-0000-4000-8000-000000000002','simple-blender-render','blender',1,1,0,0,0,0,0,0,0,0,0);
INSERT INTO "statistics_sums" VALUES('00000000-0000-4000-8000-000000000003','simple-blender-render','blender',1,0,1,0,0,0,0,0,0,0,0);
CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT ''
);
INSERT INTO "tags" VALUES(1,'00000000-0000-4000-8000-000000000005','fast','has a GPU');
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
INSERT INTO "task_attempts" VALUES(1,1,1,0,1770091506000000,1770091546000000,'completed',NULL,125,'',NULL);
INSERT INTO "task_attempts" VALUES(2,1,1,0,1770091546000000,1770091586000000,'completed',NULL,126,'',NULL);
INSERT INTO "task_attempts" VALUES(5,1,1,0,1770091586000000,1770091586000000,'completed',NULL,110,'',NULL);
INSERT INTO "task_attempts" VALUES(6,1,2,0,1770091586000000,1770091586000000,'soft-failed','out-of-memory',218,'',NULL);
INSERT INTO "task_attempts" VALUES(6,2,1,0,1770091586000000,NULL,NULL,NULL,111,'',NULL);
CREATE TABLE task_class_requirements (
    task_class_id INTEGER NOT NULL REFERENCES task_classes ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (task_class_id, key)
) WITHOUT ROWID;
CREATE TABLE task_classes (
    id INTEGER PRIMARY KEY,
    task_type TEXT NOT NULL,
    requirements TEXT NOT NULL,
    UNIQUE (task_type, requirements)
);
INSERT INTO "task_classes" VALUES(1,'misc','{}');
INSERT INTO "task_classes" VALUES(2,'blender','{}');
INSERT INTO "task_classes" VALUES(3,'ffmpeg','{}');
CREATE TABLE task_commands (
    task_id INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    commands TEXT NOT NULL
);
INSERT INTO "task_commands" VALUES(1,'[{"name": "echo", "parameters": {"message": "done and archived"}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(2,'[{"name": "sleep", "parameters": {"duration_in_seconds": 1}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(3,'[{"name": "echo", "parameters": {"message": "to be deleted"}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(4,'[{"name": "sleep", "parameters": {"duration_in_seconds": 1}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(5,'[{"name": "blender-render", "parameters": {"exe": "{blender}", "exeArgs": "{blenderArgs}", "blendfile": "{jobs}/shot/scene.blend", "args": ["--render-output", "/render/shot/######", "--render-frame", "1..10"]}, "total_step_count": 10}]');
INSERT INTO "task_commands" VALUES(6,'[{"name": "blender-render", "parameters": {"exe": "{blender}", "exeArgs": "{blenderArgs}", "blendfile": "{jobs}/shot/scene.blend", "args": ["--render-output", "/render/shot/######", "--render-frame", "1..10"]}, "total_step_count": 10}]');
INSERT INTO "task_commands" VALUES(7,'[{"name": "blender-render", "parameters": {"exe": "{blender}", "exeArgs": "{blenderArgs}", "blendfile": "{jobs}/shot/scene.blend", "args": ["--render-output", "/render/shot/######", "--render-frame", "1..10"]}, "total_step_count": 10}]');
INSERT INTO "task_commands" VALUES(8,'[{"name": "blender-render", "parameters": {"exe": "{blender}", "exeArgs": "{blenderArgs}", "blendfile": "{jobs}/shot/scene.blend", "args": ["--render-output", "/render/shot/######", "--render-frame", "1..10"]}, "total_step_count": 10}]');
INSERT INTO "task_commands" VALUES(9,'[{"name": "blender-render", "parameters": {"exe": "{blender}", "exeArgs": "{blenderArgs}", "blendfile": "{jobs}/shot/scene.blend", "args": ["--render-output", "/render/shot/######", "--render-frame", "1..10"]}, "total_step_count": 1}]');
INSERT INTO "task_commands" VALUES(10,'[{"name": "echo", "parameters": {"message": "canceled"}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(11,'[{"name": "sleep", "parameters": {"duration_in_seconds": 1}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(12,'[{"name": "echo", "parameters": {"message": "paused"}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(13,'[{"name": "sleep", "parameters": {"duration_in_seconds": 1}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(14,'[{"name": "echo", "parameters": {"message": "waiting"}, "total_step_count": 0}]');
INSERT INTO "task_commands" VALUES(15,'[{"name": "sleep", "parameters": {"duration_in_seconds": 1}, "total_step_count": 0}]');
CREATE TABLE task_failures (
    task_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    task_class_id INTEGER NOT NULL REFERENCES task_classes,
    failed_at INTEGER NOT NULL,
    PRIMARY KEY (task_id, worker_id)
) WITHOUT ROWID;
INSERT INTO "task_failures" VALUES(6,2,3,2,1770091586000000);
CREATE TABLE task_log_chunks (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    start INTEGER NOT NULL,
    text TEXT NOT NULL
);
INSERT INTO "task_log_chunks" VALUES(1,1,1,0,'2026-02-03T04:05:06Z Task assigned to worker render-1 (00000000-0000-4000-8000-000000000002), attempt 1
');
INSERT INTO "task_log_chunks" VALUES(2,1,1,104,'line of echo
');
INSERT INTO "task_log_chunks" VALUES(3,1,1,117,'the end
');
INSERT INTO "task_log_chunks" VALUES(4,2,1,0,'2026-02-03T04:05:46Z Task assigned to worker render-1 (00000000-0000-4000-8000-000000000002), attempt 1
');
INSERT INTO "task_log_chunks" VALUES(5,2,1,104,'line of sleep
');
INSERT INTO "task_log_chunks" VALUES(6,2,1,118,'the end
');
INSERT INTO "task_log_chunks" VALUES(7,5,1,0,'2026-02-03T04:06:26Z Task assigned to worker render-1 (00000000-0000-4000-8000-000000000002), attempt 1
');
INSERT INTO "task_log_chunks" VALUES(8,5,1,104,'Fra:1
');
INSERT INTO "task_log_chunks" VALUES(9,6,1,0,'2026-02-03T04:06:26Z Task assigned to worker render-2 (00000000-0000-4000-8000-000000000003), attempt 1
');
INSERT INTO "task_log_chunks" VALUES(10,6,1,104,'Error: out of memory
');
INSERT INTO "task_log_chunks" VALUES(11,6,1,125,'2026-02-03T04:06:26Z Task failed; another worker may try it (2 more until it fails for good)
');
INSERT INTO "task_log_chunks" VALUES(12,6,2,0,'2026-02-03T04:06:26Z Task assigned to worker render-1 (00000000-0000-4000-8000-000000000002), attempt 2
');
INSERT INTO "task_log_chunks" VALUES(13,6,2,104,'Fra:21
');
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
INSERT INTO "tasks" VALUES(1,'00000000-0000-4000-8000-000000000007',1,1,'echo',1,50,'completed','working',1,1,NULL,0,1,0,1,NULL,0,1770091546000000,1770091506000000,1770091506000000,1770091546000000,1770091506000000,1770091546000000);
INSERT INTO "tasks" VALUES(2,'00000000-0000-4000-8000-000000000008',1,2,'sleep',1,50,'completed','working',1,1,1,0,1,0,1,NULL,0,1770091586000000,1770091546000000,1770091546000000,1770091586000000,1770091506000000,1770091586000000);
INSERT INTO "tasks" VALUES(3,'00000000-0000-4000-8000-000000000010',2,1,'echo',1,50,'canceled','The job is cancel-requested',0,1,NULL,0,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(4,'00000000-0000-4000-8000-000000000011',2,2,'sleep',1,50,'canceled','The job is cancel-requested',0,1,2,1,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(5,'8036790b-7e2f-4081-8d60-b53bc63a2506',3,1,'render-1-10',2,50,'completed','',10,10,NULL,0,1,0,1,NULL,0,1770091586000000,1770091586000000,1770091586000000,1770091586000000,1795297101307562,1770091586000000);
INSERT INTO "tasks" VALUES(6,'dbe83aa5-2412-4a95-b800-95a35032b6bd',3,2,'render-11-20',2,50,'active','The worker ran out of memory; a machine with more may do it, or a lighter scene. (Failed)',2,10,NULL,0,1,0,2,NULL,0,1770091586000000,1770091586000000,1770091586000000,1770091586000000,1795297101307562,1770091586000000);
INSERT INTO "tasks" VALUES(7,'8afb0890-af2f-4cb1-b9b7-43615e5eeaf7',3,3,'render-21-30',2,50,'queued','',0,10,NULL,0,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1795297101307562,1795297101307562);
INSERT INTO "tasks" VALUES(8,'ab92bbff-ae73-4a21-9730-0d9799c18247',3,4,'render-31-40',2,50,'queued','',0,10,NULL,0,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1795297101307562,1795297101307562);
INSERT INTO "tasks" VALUES(9,'66077dc5-6209-4342-8fff-78bbe1668508',3,5,'video',3,50,'queued','',0,1,3,1,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1795297101307562,1795297101307562);
INSERT INTO "tasks" VALUES(10,'00000000-0000-4000-8000-000000000013',4,1,'echo',1,50,'canceled','The job is cancel-requested',0,1,NULL,0,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(11,'00000000-0000-4000-8000-000000000014',4,2,'sleep',1,50,'canceled','The job is cancel-requested',0,1,4,1,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(12,'00000000-0000-4000-8000-000000000016',5,1,'echo',1,50,'paused','The job is pause-requested',0,1,NULL,0,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(13,'00000000-0000-4000-8000-000000000017',5,2,'sleep',1,50,'paused','The job is pause-requested',0,1,5,1,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(14,'00000000-0000-4000-8000-000000000019',6,1,'echo',1,50,'queued','',0,1,NULL,0,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
INSERT INTO "tasks" VALUES(15,'00000000-0000-4000-8000-000000000020',6,2,'sleep',1,50,'queued','',0,1,6,1,NULL,NULL,0,NULL,0,NULL,NULL,NULL,NULL,1770091586000000,1770091586000000);
CREATE TABLE worker_capabilities (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (worker_id, key)
) WITHOUT ROWID;
INSERT INTO "worker_capabilities" VALUES(1,'device','gpu');
CREATE TABLE worker_tags (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (worker_id, tag_id)
) WITHOUT ROWID;
INSERT INTO "worker_tags" VALUES(1,1);
CREATE TABLE worker_task_classes (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    task_class_id INTEGER NOT NULL REFERENCES task_classes ON DELETE CASCADE,
    PRIMARY KEY (worker_id, task_class_id)
) WITHOUT ROWID;
INSERT INTO "worker_task_classes" VALUES(1,1);
INSERT INTO "worker_task_classes" VALUES(2,1);
INSERT INTO "worker_task_classes" VALUES(1,2);
INSERT INTO "worker_task_classes" VALUES(2,2);
INSERT INTO "worker_task_classes" VALUES(1,3);
INSERT INTO "worker_task_classes" VALUES(3,3);
CREATE TABLE worker_task_types (
    worker_id INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
    task_type TEXT NOT NULL,
    PRIMARY KEY (worker_id, task_type)
) WITHOUT ROWID;
INSERT INTO "worker_task_types" VALUES(1,'blender');
INSERT INTO "worker_task_types" VALUES(2,'blender');
INSERT INTO "worker_task_types" VALUES(1,'ffmpeg');
INSERT INTO "worker_task_types" VALUES(3,'ffmpeg');
INSERT INTO "worker_task_types" VALUES(1,'misc');
INSERT INTO "worker_task_types" VALUES(2,'misc');
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
INSERT INTO "workers" VALUES(1,'00000000-0000-4000-8000-000000000002','render-1','7ad0a896ceeb9e8ae9c63c1158535cc2:972528d0b5bc58c7c5343d047114ca4179609cc271541ab17bb152b0edd334fa5e9a907cc1ff801b0add34d171be0ab474970d0f62022240990de73f732c8090','127.0.0.1','linux','1.0','awake',NULL,0,0,1770091586000000,1770091586000000,1770091506000000,1770091506000000,NULL);
INSERT INTO "workers" VALUES(2,'00000000-0000-4000-8000-000000000003','render-2','7db7d753569780fd766b2d4e21f1a817:6215164d7831dc33721a7dc75ded9f670af44a3062a36b03d59be0d04b79e0a9cea3ec60bcf5e79f5147a67af642c7d923eca4c836d71f23dcc21785e4f777c7','127.0.0.1','linux','1.0','awake',NULL,0,0,1770091586000000,1770091586000000,1770091506000000,1770091506000000,NULL);
INSERT INTO "workers" VALUES(3,'00000000-0000-4000-8000-000000000004','old-laptop','b5e44d5fea78185560e2dafd2eab4f6b:206697162d1f1a8af05285d34db2a64cfd6bd56381f7e125f03e60d81aa494bb5cdf53df39b1090f6d64daccdcf8a90de8e11c21a9290bcc257a48b6a56273b7','127.0.0.1','linux','1.0','offline','awake',0,0,1770091506000000,1770091506000000,1770091506000000,1770091506000000,NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX worker_statuses ON workers (status) WHERE deleted_at IS NULL;
CREATE INDEX silent_workers ON workers (alive_at)
    WHERE deleted_at IS NULL AND status NOT IN ('offline', 'error');
CREATE INDEX worker_types_by_type ON worker_task_types (task_type, worker_id);
CREATE INDEX due_sleep_schedules ON sleep_schedules (next_check_at)
    WHERE next_check_at IS NOT NULL;
CREATE INDEX workers_of_tag ON worker_tags (tag_id, worker_id);
CREATE INDEX workers_of_class ON worker_task_classes (task_class_id, worker_id);
CREATE INDEX open_jobs ON jobs (status)
    WHERE status NOT IN ('completed', 'canceled', 'failed');
CREATE INDEX jobs_by_tag ON jobs (tag_id, id) WHERE tag_id IS NOT NULL;
CREATE INDEX jobs_by_checkout ON jobs (shaman_checkout_id) WHERE shaman_checkout_id IS NOT NULL;
CREATE INDEX finished_jobs ON jobs (updated_at)
    WHERE status IN ('completed', 'canceled', 'failed') AND delete_requested_at IS NULL;
CREATE INDEX unsettled_jobs ON jobs (unsettled, id) WHERE unsettled = 1;
CREATE INDEX job_queue_candidates
    ON job_queues (task_class_id, tag_id, job_priority DESC, job_id)
    WHERE is_open = 1 AND ready_count > 0;
CREATE INDEX dependency_groups_of_job ON dependency_groups (job_id);
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
CREATE INDEX parents_of_group ON dependency_group_parents (group_id, parent_id);
CREATE INDEX attempts_of_worker ON task_attempts (worker_id);
CREATE INDEX task_log_chunks_of_attempt ON task_log_chunks (task_id, attempt, id);
CREATE INDEX failures_of_worker_in_job ON task_failures (job_id, worker_id, task_class_id);
CREATE INDEX failures_of_worker ON task_failures (worker_id);
CREATE INDEX blocks_of_worker ON job_blocks (worker_id);
CREATE INDEX jobs_to_retire ON jobs (updated_at)
    WHERE status IN ('completed', 'canceled', 'failed') AND delete_requested_at IS NULL
    AND archived_at IS NULL;
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_type ON jobs (type, id);
CREATE INDEX jobs_by_metadata ON job_metadata (key, value, job_id);
CREATE INDEX statistics_of_job ON attempt_statistics (job_uuid, id);
CREATE INDEX open_intents ON intents (is_on_files, id) WHERE attempts < 5;
CREATE INDEX intents_of_job ON intents (job_id);
CREATE INDEX audit_by_subject ON audit (subject, id);
COMMIT;
