"""Builds the Blender extension: one zip for Blender 4.2 to 5.0, one for 5.1 and newer.

    scripts/build_extension.py                  both, for the platform that this runs on
    scripts/build_extension.py --platform all   both, for each platform that Blender is for
    scripts/build_extension.py --platform any   both, for all platforms, without the local farm
    scripts/build_extension.py --into-manager HOME
                                                also put into a Manager's data folder, which then
                                                serves them to everybody's Blender

Drop a zip onto Blender's window to install it. "Render on this computer" needs compiled libraries,
so that a zip with it is for one platform and one Python: that of Blender's own builds, or
`--python 3.13`, say, for a Blender that uses its distribution's.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pythons import need_python

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from extension_editions import Edition, Platform, Release

PYTHONS = [(3, 13), (3, 12), (3, 11)]
INSTALLED_BYTES = 400_000_000
MANAGER_FOLDER = "extension"
"""In a Manager's data folder."""


def main() -> int:
    need_python(PYTHONS)
    from environment import CannotGoOnError

    options = _options()
    try:
        _need_tools()
        built = [*build(options)]
        if options.into_manager is not None:
            put_into_manager(built, options.into_manager.expanduser())
    except CannotGoOnError as reason:
        print(f"\nbuild_extension: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for file in built:
        print(f"{file} ({file.stat().st_size / 1e6:,.1f} MB)")
    return 0


def _need_tools() -> None:
    """Starts again in an environment with all tools, unless this is one."""
    from environment import ROOT, Environment
    from extension_wheels import TOOLS

    if all(find_spec(name) is not None for name in ("build", "packaging", "pip")):
        return
    environment = Environment(ROOT / ".venv-package")
    environment.prepare({release: [*TOOLS] for release in PYTHONS}, disk_bytes=INSTALLED_BYTES)
    command = [str(environment.python), str(Path(__file__).resolve()), *sys.argv[1:]]
    sys.exit(subprocess.run(command, check=False).returncode)


def build(options: argparse.Namespace) -> Iterator[Path]:
    """The zips that were asked for. Raises `CannotGoOnError`."""
    from extension_check import validating_tool
    from extension_editions import EDITIONS, PLATFORMS, platform_named, this_platform

    tool = validating_tool()
    if tool is None:
        print("No Blender was found here to check the extension with; it is built unchecked.")
    platforms: Sequence[Platform | None]
    if options.platform == "any":
        platforms = [None]
    elif options.platform == "all":
        platforms = PLATFORMS
    else:
        named = options.platform
        platforms = [this_platform() if named is None else platform_named(named)]
    options.output.mkdir(parents=True, exist_ok=True)
    for edition in EDITIONS:
        if options.edition in (None, edition.name):
            for platform in platforms:
                yield build_one(edition, platform, options.output, options.python, tool)


def build_one(
    edition: Edition,
    platform: Platform | None,
    output: Path,
    python: Release | None = None,
    tool: Path | None = None,
) -> Path:
    """One zip; without a platform it is for all of them, and has no local farm.

    Raises `CannotGoOnError`.
    """
    from extension_check import validate
    from extension_wheels import packing_wheels, pure_wheels, runtime_wheels
    from extension_zip import assemble, zip_folder
    from flamenco_core.version import current_version

    runtime = runtime_wheels(platform, python or edition.python) if platform is not None else []
    with tempfile.TemporaryDirectory(prefix="flamenco-extension-") as name:
        folder = assemble(
            Path(name),
            edition,
            pure_wheels(edition),
            packing=packing_wheels(edition),
            platform=platform,
            runtime=runtime,
        )
        if tool is not None:
            validate(folder, tool)
        words = ["flamenco_python", current_version().manifest, edition.name]
        words += [platform.name] if platform is not None else []
        words += [f"python{python[0]}.{python[1]}"] if python and platform else []
        return zip_folder(folder, output / f"{'-'.join(words)}.zip")


def put_into_manager(zips: Sequence[Path], home: Path) -> None:
    """Puts zips where a Manager with that data folder serves them, instead of the older ones.

    Raises `CannotGoOnError`.
    """
    from environment import CannotGoOnError

    if not home.is_dir():
        raise CannotGoOnError(
            f"--into-manager: there is no folder {home}; name the data folder of a Manager, the one"
            " that it is given as --home."
        )
    folder = home / MANAGER_FOLDER
    folder.mkdir(exist_ok=True)
    meant = {_meant_for(file) for file in zips}
    replaced = [old for old in folder.glob("*.zip") if _meant_for(old) in meant]
    for file in zips:
        partial = folder / f"{file.name}~"
        shutil.copyfile(file, partial)
        partial.replace(folder / file.name)
    for old in replaced:
        if old.name not in {file.name for file in zips}:
            old.unlink()


def _meant_for(file: Path) -> tuple[str, ...]:
    """The Blenders and platforms that a zip is for; empty if it is no extension."""
    import tomllib
    import zipfile

    from extension_zip import MANIFEST

    try:
        with zipfile.ZipFile(file) as packed:
            manifest = tomllib.loads(packed.read(MANIFEST).decode())
    except (zipfile.BadZipFile, KeyError, ValueError):
        return ()
    return (str(manifest.get("blender_version_min", "")), *manifest.get("platforms", ()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, default=Path("dist"), metavar="FOLDER", help="default: dist"
    )
    parser.add_argument(
        "--platform",
        metavar="NAME",
        help="such as windows-x64; `all` for one zip each, `any` for one without the local farm",
    )
    parser.add_argument(
        "--edition", choices=["blender4.2-5.0", "blender5.1"], help="only this one of the two"
    )
    parser.add_argument(
        "--python",
        type=_release,
        metavar="3.N",
        help="the local farm is for a Blender with another Python than its own builds have",
    )
    parser.add_argument(
        "--into-manager", type=Path, metavar="HOME", help="also serve them from this data folder"
    )
    return parser.parse_args()


def _release(text: str) -> Release:
    major, _, minor = text.partition(".")
    if major != "3" or not minor.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is no release of Python such as 3.13")
    return 3, int(minor)


if __name__ == "__main__":
    sys.exit(main())
