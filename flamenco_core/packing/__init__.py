"""Packing: everything a .blend file needs, found and brought to the farm.

The file that the artist works on is only read.
"""

from flamenco_core.packing.delivery import (
    Delivery,
    Packer,
    default_output_folder,
    folder_name,
)
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
