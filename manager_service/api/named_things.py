"""Jobs, tasks and workers as operations name them, and what is answered if there is none."""

from __future__ import annotations

from manager_service.routing import UUID, Answer, in_path

JOB_ID = in_path("job_id", UUID, "The job.")
TASK_ID = in_path("task_id", UUID, "The task.")
WORKER_ID = in_path("worker_id", UUID, "The worker.")

UNKNOWN_JOB = Answer(status=404, description="There is no such job.")
UNKNOWN_TASK = Answer(status=404, description="There is no such task.")
UNKNOWN_WORKER = Answer(status=404, description="There is no such worker.")
