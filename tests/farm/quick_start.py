"""Runs the quick start in a clone of this project, as on a machine that was set up yesterday."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import demo_scene
from tests.farm.frames import frames_in, pixel_faults, probe_video
from tests.ports import free_port

INSTALLATION_SECONDS = 900  # of 1.2 GB, perhaps over a slow line
ENDING_SECONDS = 120


@dataclass
class QuickStart:
    """One clone, one home folder for the farm, one port."""

    clone: Path
    home: Path
    path: str
    """PATH: which programs the machine has."""
    port: int = field(default_factory=free_port)
    python: Path = Path(sys.base_prefix, "bin", "python3")
    builds_pages: bool = False
    """Whether installing builds the Manager's pages too, which takes a minute."""

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        command: list[str | Path] = [self.python, "scripts/quickstart.py"]
        command += [f"--home={self.home}", f"--port={self.port}"]
        return subprocess.Popen(
            [*command, *arguments],
            cwd=self.clone,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str | Path) -> tuple[int, str]:
        """Exit code and what was printed. Whatever happens, nothing may be left running."""
        with self.start(*arguments) as process:
            printed, _ = process.communicate(timeout=INSTALLATION_SECONDS)
        self.wait_until_nothing_runs()
        return process.returncode, printed

    def wait_until_nothing_runs(self) -> None:
        """What was killed at the end takes a moment to be gone."""
        deadline = time.monotonic() + ENDING_SECONDS
        while left := self.left_running():
            assert time.monotonic() < deadline, left
            time.sleep(0.02)

    def left_running(self) -> list[str]:
        """The command lines of processes that have to do with this farm."""
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if str(self.home) in command or f":{self.port}" in command:
                found.append(command)
        return found

    def output(self) -> Path:
        """The folder with the frames of the only job there was."""
        (folder,) = (self.home / "output").glob("*/*")
        return folder

    def _environment(self) -> dict[str, str]:
        """The user has a home folder without anything but the configuration of pip and npm."""
        user = self.home.parent / "user"
        (user / ".config").mkdir(parents=True, exist_ok=True)
        configured = Path.home() / ".config" / "pip"
        if configured.exists() and not (user / ".config" / "pip").exists():
            (user / ".config" / "pip").symlink_to(configured)
        npm = Path.home() / ".npmrc"
        if npm.exists() and not (user / ".npmrc").exists():
            (user / ".npmrc").symlink_to(npm)
        cache = os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "NODE_", "SSL_", "REQUESTS_", "LANG", "LC_"))
            or "proxy" in name.lower()
        }
        if (machine := Path("/etc/npmrc")).exists():
            # Where Debian's npm looks by itself; the one that comes with a Node from PyPI does not.
            kept["NPM_CONFIG_GLOBALCONFIG"] = str(machine)
        if not self.builds_pages:
            kept["FLAMENCO_BUILD_WEB"] = "0"
        return kept | {"HOME": str(user), "PATH": self.path, "PIP_CACHE_DIR": cache}


def path_without(folder: Path, *programs: str) -> str:
    """A PATH with all programs of this machine's PATH but those whose names begin like `programs`,
    made of links in `folder`. The environment that the tests run in is left out too.
    """
    folder.mkdir()
    for place in os.get_exec_path():
        if Path(place) == Path(sys.executable).parent or not Path(place).is_dir():
            continue
        for program in Path(place).iterdir():
            link = folder / program.name
            if not program.name.startswith(programs) and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def faults_of_demo(folder: Path) -> list[str]:
    """What in a folder with the quick start's own scene, rendered, is not as it must be."""
    first, last = demo_scene.FRAMES
    frames = [f"{frame:06d}.png" for frame in range(first, last + 1)]
    video = f"demo-{first}-{last}.mp4"
    if frames_in(folder) != [*frames, video]:
        return [f"the folder holds {frames_in(folder)}"]
    faults = [fault for name in frames for fault in pixel_faults(folder / name)]
    wanted = {
        "frames": len(frames),
        "size": demo_scene.RESOLUTION,
        "rate": f"{demo_scene.FRAMES_PER_SECOND}/1",
        "codec": "h264",
    }
    seen = probe_video(folder / video)
    return faults + ([] if seen == wanted else [f"the video is {seen}"])
