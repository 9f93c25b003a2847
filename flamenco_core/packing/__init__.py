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
from flamenco_core.packing.plan import PackPlan, make_plan
from flamenco_core.packing.progress import PackProgress, Stage
from flamenco_core.packing.project import find_project_root
from flamenco_core.packing.scene_facts import BlendFacts, SceneFacts, read_blend_facts

__all__ = [
    "BlendFacts",
    "Delivery",
    "FileDigests",
    "FileUse",
    "MissingDependencies",
    "MissingExtra",
    "PackPlan",
    "PackProgress",
    "Packer",
    "PackingCancelled",
    "PackingError",
    "PathField",
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
]
