"""Rows of the store as JSON-ready dicts in the form of the wire."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from flamenco_core import wire
from flamenco_core.store.database import from_microseconds
from flamenco_core.store.tasks import COUNT_COLUMNS


def job(row: sqlite3.Row) -> dict[str, Any]:
    """A job, from a row with its columns, its counts and its tag's UUID."""
    counts = {status.value: row[column] for status, column in COUNT_COLUMNS.items() if row[column]}
    content = {
        "id": row["uuid"],
        "name": row["name"],
        "type": row["type"],
        "priority": row["priority"],
        "status": row["status"],
        "activity": row["activity"],
        "settings": json.loads(row["settings"]),
        "metadata": json.loads(row["metadata"]),
        "submitter_platform": row["submitter_platform"],
        "created": time(row["created_at"]),
        "updated": time(row["updated_at"]),
        "steps_completed": row["steps_completed"],
        "steps_total": row["steps_total"],
        "task_counts": counts,
    }
    if row["shaman_checkout_id"]:
        content["storage"] = {"shaman_checkout_id": row["shaman_checkout_id"]}
    if row["tag_uuid"]:
        content["worker_tag"] = row["tag_uuid"]
    if row["delete_requested_at"] is not None:
        content["delete_requested_at"] = time(row["delete_requested_at"])
    if row["archived_at"] is not None:
        content["archived_at"] = time(row["archived_at"])
    if row["submitted_by"]:
        content["submitted_by"] = row["submitted_by"]
    if row["finished_at"] is not None:
        content["finished_at"] = time(row["finished_at"])
    if row["rendered_at"] is not None:
        content["rendered_at"] = time(row["rendered_at"])
    return content


def task_summary(row: sqlite3.Row) -> dict[str, Any]:
    """A task as lists show it."""
    return {
        "id": row["uuid"],
        "name": row["name"],
        "status": row["status"],
        "index_in_job": row["index_in_job"],
        "priority": row["priority"],
        "task_type": row["task_type"],
        "updated": time(row["updated_at"]),
        "steps_completed": row["steps_completed"],
        "steps_total": row["steps_total"],
        "worker": worker_reference(row),
    }


def worker_reference(row: sqlite3.Row | Mapping[str, Any]) -> dict[str, str]:
    """The worker of a task, also if there is none."""
    # Flamenco 3's clients expect the object even if there is no worker.
    return {
        "id": row["worker_uuid"] or "",
        "name": row["worker_name"] or "",
        "address": row["worker_address"] or "",
    }


def worker_summary(row: sqlite3.Row) -> dict[str, Any]:
    """A worker as lists show it."""
    content = {
        "id": row["uuid"],
        "name": row["name"],
        "status": row["status"],
        "version": row["software"],
        "can_restart": bool(row["can_restart"]),
    }
    if row["status_requested"]:
        content["status_change"] = {
            "status": row["status_requested"],
            "is_lazy": bool(row["lazy_request"]),
        }
    if row["last_seen_at"] is not None:
        content["last_seen"] = time(row["last_seen_at"])
    if row["status_reason"]:
        content["status_reason"] = row["status_reason"]
    return content


def tag(row: sqlite3.Row) -> dict[str, str]:
    content = {"id": row["uuid"], "name": row["name"]}
    return {**content, "description": row["description"]} if row["description"] else content


def time(microseconds: int) -> str:
    """A stored time as text."""
    return wire.format_time(from_microseconds(microseconds))


def failure(row: sqlite3.Row) -> dict[str, str]:
    """Why an attempt failed."""
    return {"failure_class": row["failure_class"], "sentence": row["failure_sentence"]}
