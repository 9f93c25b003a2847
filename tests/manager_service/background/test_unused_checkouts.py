"""Checkouts that no job came for go, and all others stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, sha256
from tests.manager_service.test_running import chore, run_until

CONTENT = b"a scene"
MARKER = ".flamenco-checkout"


def check_out(manager: RunningManager, path: str) -> None:
    file = {"sha": sha256(CONTENT), "size": len(CONTENT), "path": "scene.blend"}
    manager.post(f"/shaman/files/{file['sha']}/{file['size']}", body=CONTENT)
    reply = manager.post("/shaman/checkout/create", {"files": [file], "checkoutPath": path})
    assert reply.json == {"checkoutPath": path}


def marker(manager: RunningManager, path: str) -> dict[str, Any]:
    file = manager.config.job_storage / path / MARKER
    content: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return content


def make_old(manager: RunningManager, path: str, **age: float) -> None:
    """As if it had been waiting for so long."""
    since = (datetime.now(UTC) - timedelta(**age)).isoformat()
    changed = {**marker(manager, path), "waits_for_job_since": since}
    (manager.config.job_storage / path / MARKER).write_text(json.dumps(changed))


def look(manager: RunningManager) -> str:
    """Has unused checkouts looked for; what there is to tell of it."""

    before = chore(manager, "unused-checkouts")["runs"]
    told = run_until(
        manager,
        "unused-checkouts",
        lambda told: bool(told["runs"] > before and not told["is_running"]),
    )
    assert told["error"] == ""
    return str(told["result"])


def remaining(manager: RunningManager) -> set[str]:
    root = manager.config.job_storage
    return {each.parent.relative_to(root).as_posix() for each in root.rglob(MARKER)}


def test_checkouts_that_no_job_came_for_are_removed_in_time(manager: RunningManager) -> None:
    for path in ("show/forgotten", "show/new", "used", "named by a script für uns"):
        check_out(manager, path)
    manager.submit(storage={"shaman_checkout_id": "used"})
    manager.submit(settings={"message": "{jobs}/named by a script für uns/scene.blend"})
    eventually(lambda: "waits_for_job_since" not in marker(manager, "used"))
    # As a crash right after the submission leaves it.
    make_old(manager, "used", days=8)
    make_old(manager, "named by a script für uns", days=8)
    make_old(manager, "show/forgotten", days=8)
    make_old(manager, "show/new", days=6)
    assert look(manager) == "1 were removed"
    assert remaining(manager) == {"show/new", "used", "named by a script für uns"}
    for path in ("used", "named by a script für uns"):
        assert "waits_for_job_since" not in marker(manager, path)
    assert "waits_for_job_since" in marker(manager, "show/new")


def test_files_that_were_left_when_their_job_was_deleted_stay(manager: RunningManager) -> None:
    check_out(manager, "kept")
    job = manager.submit(storage={"shaman_checkout_id": "kept"})
    eventually(lambda: "waits_for_job_since" not in marker(manager, "kept"))
    manager.request("DELETE", f"/jobs/{job['id']}?leave_files=true")
    eventually(lambda: manager.get(f"/jobs/{job['id']}").status == 404)
    look(manager)
    assert remaining(manager) == {"kept"}
    assert (manager.config.job_storage / "kept/scene.blend").read_bytes() == CONTENT
