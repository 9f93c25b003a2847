"""The forms of sentences that are put together where nothing is translated: on the Manager, and on
this extension's own threads. Each has a place for what is filled in.
"""

from __future__ import annotations

_REASONS = (
    "worker {worker} is asked to become {status}",
    "worker {worker} has the status {status}",
    "worker {worker} takes no tasks of type {type}",
    "worker {worker} lacks {things}",
    "worker {worker} has no slot that takes {type} tasks and has {things}",
    "worker {worker} has no slot that takes {type} tasks",
    "worker {worker} failed too often at {type} tasks of this job",
    "worker {worker} has failed at every {type} task that is ready",
    "worker {worker} is {status}",
    "the job is {status}",
    "the job wants the tag {tag}, which {worker} has not",
    "no {type} task is waiting",
    "all {type} tasks wait for others of the job, are reserved or held back",
    "ask it to stay {status}",
    "wait until all of it is stored",
    "queue it again",
    "add {type} to the worker's task types",
    "use a worker that has it",
    "give one of its slots what is asked for",
    "give the worker the tag {tag}, or take it off the job",
    "take it off the job's block list",
    "nothing needs to be done",
    "wait until those are completed",
    "let another worker try, or queue the tasks again",
    "start its program",
    "wait until it has started",
    "wait until it wakes up, as it was asked to",
    "wake it up",
    "The job is being deleted.",
    (
        "No worker of this farm may take its {types} tasks, so that it waits until one can: the"
        " reasons for each worker say what would help."
    ),
    "The job is archived, and cannot run again; submit it anew.",
    "The job is still becoming {status}; look again in a moment.",
)
"""Why a job is not rendering, and what would change that."""

_PLANS = (
    "No task of this job is waiting.",
    "No worker could take this.",
    "1 worker could take this, but is not awake.",
    "{count} workers could take this, but none is awake.",
    "1 worker could take this, and is free.",
    "1 worker could take this, and is busy.",
    "{count} workers could take this; {awake} is awake, none of them free.",
    "{count} workers could take this; {awake} is awake, {free} of them free.",
    "{count} workers could take this; {awake} are awake, none of them free.",
    "{count} workers could take this; {awake} are awake, {free} of them free.",
    "No worker takes its tasks of type {types}, so that it could not end.",
    "1 task begins at once.",
    "1 task begins at once; the first is done in {duration}.",
    "{count} tasks begin at once.",
    "{count} tasks begin at once; the first is done in {duration}.",
    "Other jobs go before it, or none of its tasks is ready.",
    "It begins as soon as a worker is free.",
    "All of it takes {duration} if nothing else runs.",
    "a few seconds",
    "about {count} seconds",
    "about a minute",
    "about {count} minutes",
    "about an hour",
    "about {count} hours",
    "about a day",
    "about {count} days",
)
"""What would become of a job."""

_REFUSALS = (
    "is required and was not given",
    "is required and is empty",
    "“{value}” is not a choice",
    "{value} is too low",
    "{value} is too high",
    "must be a finite number",
    "must be {wanted}, not {given}",
    "choose one of {choices}",
    "the lowest value is {limit}",
    "the highest value is {limit}",
    "this job type has no such setting",
    "did you mean {name}?",
    "the job type has changed on the farm",
    "ask the Manager again, and look at the settings",
    "log in, in the preferences of this extension",
    "does not exist; used by {users}",
)
"""What stands in the way of a job."""

_CONDITIONS = (
    "The Manager was not asked yet.",
    "Asking the Manager at {url} …",
    "Connected with {name}, which is newer than this extension ({version}).",
    "Connected with {name}, which is older than this extension ({version}).",
    "Connected with {name}.",
    "Update the extension, or download it from {url}",
    "What that Manager does not know yet does not work. Ask for it to be updated.",
    "The Manager at {url} cannot be reached: {reason}",
    "nothing listens there; is the Manager running?",
    "it did not answer in time",
    "the name {name} is not known",
    "Is the Manager running, and is the address right?",
    "Is the address right?",
    "Is the address right? It should be that of a Flamenco Manager.",
    "The Manager wants to know who you are.",
    "Log in.",
    "Log in again.",
    "Log in as somebody who may, or ask an admin.",
    "This Manager is too old for this extension.",
    "Ask for it to be updated, or install the extension that came with it.",
    "The Manager's log says more.",
    "Blender is set not to use the network, so {address} is not asked.",
    "Switch on Preferences > System > Network > Allow Online Access.",
    "The Manager could not be asked: {reason}",
)
"""How things stand with the Manager, and what to do."""

_ACTIONS = (
    "Job {name} cannot be asked to {action}: {reason}; possible now: {others}",
    "Job {name} cannot be asked to {action}: {reason}",
    "The task {name} cannot be asked to {action}: {reason}",
    "it is still becoming {status}; try again in a moment",
    "its job is {status}; queue the job again instead",
    "{failed} of {total} tasks failed; at {percent} % the job fails, {source}.",
)
"""What is not done, or not any more, and how many failures a job bears."""

_FRAMES = (
    (
        "There is no folder {folder} on this computer: nothing was rendered yet, or the farm's"
        " storage is not mounted here"
    ),
    (
        "{folder} is not on this computer: the farm's storage is not mounted here. Mount it, or"
        " choose Load Frames, which fetches them through the Manager"
    ),
    "Nothing was rendered into {folder} yet",
    "There are no frames in {folder} on the farm yet",
    "There are no frames in {folder} yet",
    "This job does not say where its frames go",
    (
        "The frames lie in {path}, and the Manager has no value of that variable for this"
        " platform; an admin can add one"
    ),
    "The folder {folder} cannot be read: {reason}",
    "{path} cannot be moved: {reason}",
    "The frames cannot be kept in {folder}: {reason}",
    "The Manager does not show {path}: {reason}",
    "No task of “{name}” renders {frames} by itself",
    (
        "The old frames in {folder} cannot be moved from here, since the farm's storage is not"
        " mounted on this computer. Mount it, or choose Overwrite Where Not Mounted"
    ),
    (
        "This Manager cannot have frames written over. Mount the farm's storage on this"
        " computer, so that the old ones can be moved"
    ),
    "Cancelled; frames that were fetched are kept for the next time",
)
"""Why frames are not shown, or not rendered again."""

FORMS = (*_REASONS, *_PLANS, *_REFUSALS, *_CONDITIONS, *_ACTIONS, *_FRAMES)
"""Of two that a sentence may have, the first counts."""

NESTED = frozenset({"duration", "reason"})
"""Places for what has a form itself."""
