"""Packing: everything a .blend file needs, found and brought to the farm.

The file that the artist works on is only read.

Each module is imported when a name of it is first asked for: Blender, which has a process of its
own pack, needs little of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flamenco_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from flamenco_core.packing.delivery import Delivery, Packer, folder_name
    from flamenco_core.packing.dependencies import (
        FileUse,
        PathField,
        Trace,
        Tracer,
        UseKind,
        default_tracer,
    )
    from flamenco_core.packing.digests import FileDigests, default_cache_folder
    from flamenco_core.packing.errors import (
        MissingDependencies,
        MissingExtra,
        PackingCancelled,
        PackingError,
    )
    from flamenco_core.packing.output_folder import default_output_folder
    from flamenco_core.packing.pack_request import (
        FailureKind,
        PackFailure,
        PackOutcome,
        PackRequest,
        PackTask,
    )
    from flamenco_core.packing.packing_run import Host, PackRun, RunProgress, start_packing
    from flamenco_core.packing.plan import PackPlan, make_plan
    from flamenco_core.packing.progress import PackProgress, Stage
    from flamenco_core.packing.project import find_project_root
    from flamenco_core.packing.scene_facts import BlendFacts, SceneFacts, read_blend_facts
    from flamenco_core.packing.taking_back import take_back

__all__ = [
    "BlendFacts",
    "Delivery",
    "FailureKind",
    "FileDigests",
    "FileUse",
    "Host",
    "MissingDependencies",
    "MissingExtra",
    "PackFailure",
    "PackOutcome",
    "PackPlan",
    "PackProgress",
    "PackRequest",
    "PackRun",
    "PackTask",
    "Packer",
    "PackingCancelled",
    "PackingError",
    "PathField",
    "RunProgress",
    "SceneFacts",
    "Stage",
    "Trace",
    "Tracer",
    "UseKind",
    "default_cache_folder",
    "default_output_folder",
    "default_tracer",
    "find_project_root",
    "folder_name",
    "make_plan",
    "read_blend_facts",
    "start_packing",
    "take_back",
]

_MODULES = {
    "delivery": "Delivery Packer folder_name",
    "dependencies": "FileUse PathField Trace Tracer UseKind default_tracer",
    "digests": "FileDigests default_cache_folder",
    "errors": "MissingDependencies MissingExtra PackingCancelled PackingError",
    "output_folder": "default_output_folder",
    "pack_request": "FailureKind PackFailure PackOutcome PackRequest PackTask",
    "packing_run": "Host PackRun RunProgress start_packing",
    "plan": "PackPlan make_plan",
    "progress": "PackProgress Stage",
    "project": "find_project_root",
    "scene_facts": "BlendFacts SceneFacts read_blend_facts",
    "taking_back": "take_back",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _MODULES)
