"""What the documentation says of packing is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from flamenco_addon.local_farm import farm_files, keeping
from flamenco_core.packing import PackTask
from flamenco_core.packing.folder_pack import INCOMPLETE
from flamenco_core.packing.plan import OUTSIDE_PROJECT
from tests.checkouts import ROOT

TEXT = (ROOT / "docs" / "packing.md").read_text(encoding="utf-8")
PROJECT = ROOT / "tests/flamenco_core/packing/blender_5_0/show"


def test_the_script_finds_out_what_a_file_needs(tmp_path: Path) -> None:
    [script] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "script.py"
    head = f"from pathlib import Path\nblend = Path({str(PROJECT / 'shots/scene.blend')!r})\n"
    file.write_text(head + script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "5 files, 2 missing\n", done.stderr


def test_the_names_are_those_of_the_program() -> None:
    assert f"`{OUTSIDE_PROJECT}`" in TEXT
    assert f"`{INCOMPLETE}…`" in TEXT
    assert f"`PackTask.{PackTask.DELIVER.name}`" in TEXT
    assert f"the user `{keeping.USER}`" in " ".join(TEXT.split())
    files = farm_files.FarmFiles(Path("local-farm"), Path("Flamenco"))
    assert f"`{files.home}`" in TEXT
    assert files.manager.name + "/flamenco-manager.yaml" in TEXT
    assert f"`{files.log('manager').parent.name}`" in TEXT
