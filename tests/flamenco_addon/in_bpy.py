"""Scripts in a `bpy` of their own: a child process with preferences of its own and a time limit.

    answer = run_in_bpy('''
        connection.current()
        answer(bpy.app.version[:2])
    ''', home=tmp_path)

The script finds `bpy`, `json`, `Path`, the names given as `names`, and `answer(value)`, whose
argument comes back through JSON. The extension is enabled before it runs, from the checkout, and
disabled afterwards; its modules are imported like `from flamenco_addon import connection`.
Timers do not tick: step with `flamenco_addon.background`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0
"""Seconds for a script, Blender's start included."""

_PRELUDE = """
import faulthandler, json, os, sys, traceback
from pathlib import Path
faulthandler.enable()
given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
# A development environment has the checkout in its path, which must not help an installed zip.
sys.path[:] = [path for path in sys.path if path not in ("", given["root"])]
if given["checkout"]:
    sys.path.insert(0, given["root"])
import bpy
import addon_utils

MODULE = "bl_ext.user_default.flamenco_python"

def answer(value):
    Path(sys.argv[2]).write_text(json.dumps(value), encoding="utf-8")

def run():
    bpy.context.preferences.system.use_online_access = given["online"]
    names = dict(given["names"], bpy=bpy, json=json, Path=Path, answer=answer)
    if given["zip"]:
        bpy.ops.extensions.package_install_files(
            filepath=given["zip"], repo="user_default", enable_on_install=True)
        assert MODULE in bpy.context.preferences.addons, "it could not be enabled"
    elif given["enable"]:
        assert addon_utils.enable("flamenco_addon", default_set=True), "it could not be enabled"
    try:
        exec(compile(given["script"], "<script in bpy>", "exec"), names)
    finally:
        for module in ("flamenco_addon", MODULE):
            if module in bpy.context.preferences.addons:
                addon_utils.disable(module, default_set=True)

code = 0
try:
    run()
except BaseException:
    traceback.print_exc()
    code = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # with anything registered, `bpy` hangs or crashes at its end
"""


def run_in_bpy(
    script: str,
    *,
    home: Path,
    names: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    python: Path | str = sys.executable,
    enable: bool = True,
    extension: Path | None = None,
    online: bool = True,
    limit: float = LIMIT,
) -> Any:
    """What the script gave to `answer`; fails the test with what it printed if it raised.

    `home` keeps the preferences and everything else of this user; use it again to start the same
    user's Blender again. `names` are given to the script through JSON. With `extension`, that zip
    is installed instead of enabling the checkout, which then cannot be imported; without `enable`
    neither is done.
    """
    home.mkdir(parents=True, exist_ok=True)
    given, answered = home / "given.json", home / "answer.json"
    answered.unlink(missing_ok=True)
    what = {
        "script": textwrap.dedent(script),
        "names": dict(names or {}),
        "root": str(ROOT),
        "enable": enable,
        "zip": str(extension or ""),
        "checkout": enable and extension is None,
        "online": online,
    }
    given.write_text(json.dumps(what), encoding="utf-8")
    ended = subprocess.run(
        [python, "-c", _PRELUDE, given, answered],
        env=isolated(home) | dict(environment or {}),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout[-4000:]}\n{ended.stderr[-8000:]}"
    return json.loads(answered.read_text(encoding="utf-8")) if answered.exists() else None


def isolated(home: Path) -> dict[str, str]:
    """The environment of a user whose files all lie in `home`."""
    return os.environ | {
        "BLENDER_USER_RESOURCES": str(home / "blender"),
        "FLAMENCO_CREDENTIALS": str(home / "credentials.json"),
        "PYTHONPATH": "",
    }
