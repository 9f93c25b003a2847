"""Makes the slots of a worker, each with connections and an open Blender of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from flamenco_core.client import ManagerClient
from flamenco_worker.backing_off import BackOff
from flamenco_worker.blender.keeper import BlenderKeeper
from flamenco_worker.config import WorkerConfig
from flamenco_worker.credentials import Credentials
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.output_images import OutputImages
from flamenco_worker.pace import Pace
from flamenco_worker.slot_worker import Manners, SlotWorker, Surroundings
from flamenco_worker.slots import SlotPlan
from flamenco_worker.task_runner import TaskRunner
from flamenco_worker.update_queue import UpdateQueue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMaker:
    """What all slots of a worker share."""

    config: WorkerConfig
    pace: Pace
    machine: MachineSettings
    client: ManagerClient
    queue: UpdateQueue
    images: OutputImages
    programs: RunningPrograms
    new_back_off: Callable[[], BackOff]
    prefetches: bool

    def make(
        self, surroundings: Surroundings, credentials: Credentials | None, offers: Collection[str]
    ) -> list[SlotWorker]:
        """Those that the settings ask for; one where the Manager, by its `offers`, knows none."""
        plans = self.machine.slots()
        if len(plans) > 1 and "slots" not in offers:
            log.warning("this Manager knows no slots; one task runs at a time, and any")
            plans = [SlotPlan(number=0, name="", task_types=self.config.task_types)]
        manners = Manners(
            longest_wait=self.pace.task_wait_of_each(len(plans)),
            safe_wait=self.pace.task_wait,
            patience=self.pace.longest_pause,
            takes_reports="reports" in offers,
            prefetches=self.prefetches and "prefetch" in offers,
        )
        return [self._slot(plan, surroundings, credentials, manners) for plan in plans]

    def _slot(
        self,
        plan: SlotPlan,
        surroundings: Surroundings,
        credentials: Credentials | None,
        manners: Manners,
    ) -> SlotWorker:
        client = ManagerClient(self.config.manager_url)
        if credentials is not None:
            client.sign_in(credentials.worker_id, credentials.secret)
        runner = TaskRunner(
            self.client,
            self.queue.add,
            self.images.offer,
            self.machine,
            self.pace.may_i_run,
            self.programs,
            BlenderKeeper(self.config.warm_blender),
            plan,
        )
        return SlotWorker(
            plan,
            client=client,
            queue=self.queue,
            runner=runner,
            surroundings=surroundings,
            manners=manners,
            new_back_off=self.new_back_off,
        )
