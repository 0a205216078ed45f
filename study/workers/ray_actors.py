"""Workers as actors of a Ray cluster: Ray places them, and restarts those whose node is lost.

The actors are detached: the driver may end and be started again, and finds them by their names. They know nothing of
each other; the database is all that they share.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from types import ModuleType

from reluctant.errors import ReluctantError
from search_spaces.user_networks import NetworkError
from storage import without_password
from study.config import digest
from study.records.naming import first_name
from study.records.open_study import OpenStudy
from study.training import NetworkFailedError
from study.workers.local_processes import MOST_CRASHES, WorkersFailedError
from study.workers.observer import Observer, worker_count
from study.workers.ray_worker import RayWorker, assignment_of

NAMESPACE = "reluctant"
_POLL_SECONDS = 1.0
_PATIENCE = 30.0
_ANSWER_SECONDS = 10.0
_NOT_AGAIN = (f"{NetworkError.__name__}:", f"{NetworkFailedError.__name__}:")
"""How the failure of a worker begins that would fail again."""


class RayError(ReluctantError, RuntimeError):
    """A Ray cluster cannot run the workers as they were asked for."""


def launch_on_ray(
    study: OpenStudy, observer: Observer, *, stop: Callable[[], bool], log: Callable[[str], None], lease: float | None
) -> None:
    """Trains a study by actors of the cluster `config.ray` until it is complete, or `stop` returns true.

    Args:
        study: The study.
        observer: Follows the study.
        stop: Called all the time; returns whether to stop. All workers then release the trials that they hold.
        log: Called with every line that a user should read.
        lease: As for `work`.

    Raises:
        RayError: No Ray, no cluster, or too small a one.
        WorkersFailedError: Workers fail again and again.
    """
    config = study.problem.config
    ray = _connected(str(config.ray))
    try:
        _check_database(ray, study)
        count = worker_count(config.workers, observer.missing, config.cohort, config.bracket, log)
        _check_resources(ray, count, config.cpus_per_worker, config.gpus_per_worker)
        actors = _Actors(ray, study, count, lease, observer=observer, log=log)
        try:
            while not observer.complete and not stop():
                actors.supervise()
                observer.refresh()
                time.sleep(_POLL_SECONDS)
        finally:
            actors.end()
        observer.refresh()
    finally:
        ray.shutdown()


def actors_key(study: OpenStudy) -> str:
    """What the names of a study's actors begin with; a renamed study keeps it, a new one of that name has another."""
    name, place = first_name(study.storage, study.study_id, study.name), study.storage.place
    return digest({"identity": study.problem.identity, "id": study.study_id, "name": name, "place": place})


class _Actors:
    """The actors of a study: those that an earlier driver started, and new ones for those that are missing."""

    def __init__(
        self,
        ray: ModuleType,
        study: OpenStudy,
        count: int,
        lease: float | None,
        *,
        observer: Observer,
        log: Callable[[str], None],
    ) -> None:
        self._ray, self._observer, self._log = ray, observer, log
        config = study.problem.config
        assignment = assignment_of(study, lease)
        key = actors_key(study)
        actor = ray.remote(RayWorker)
        options = {
            "namespace": NAMESPACE,
            "lifetime": "detached",
            "get_if_exists": True,
            "max_restarts": -1,
            "num_cpus": config.cpus_per_worker,
            "num_gpus": config.gpus_per_worker,
        }
        self._actors = {
            number: actor.options(name=f"{key}-{number}", **options).remote(assignment)
            for number in range(1, count + 1)
        }
        # An earlier driver may have started more workers than this one is to have.
        for name in ray.util.list_named_actors():
            owner, _, number = name.rpartition("-")
            if owner == key:
                self._actors.setdefault(int(number), ray.get_actor(name))
        self._away: set[int] = set()
        self._failures, self._done_before = 0, observer.done

    def supervise(self) -> None:
        """Logs the lines of every actor, and starts those anew that failed.

        Raises:
            WorkersFailedError: Too many failed in a row.
        """
        for number, (lines, alive, failure) in self._poll().items():
            for line in lines:
                self._log(f"worker {number}: {line}")
            if failure is None or alive:
                continue
            if failure.startswith(_NOT_AGAIN):
                raise WorkersFailedError(f"worker {number} cannot work: {failure.partition(': ')[2]}")
            self._failures = 1 if self._observer.done > self._done_before else self._failures + 1
            self._done_before = self._observer.done
            if self._failures >= MOST_CRASHES:
                raise WorkersFailedError(
                    f"{self._failures} workers in a row ended without finishing a trial; the last: {failure}"
                )
            self._log(f"worker {number} failed and begins anew: {failure}")
            self._actors[number].start.remote()

    def end(self) -> None:
        """Lets all workers release the trials that they hold, and ends their actors."""
        for actor in self._actors.values():
            actor.stop.remote()
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and any(alive for _, alive, _ in self._poll().values()):
            time.sleep(0.1)
        for actor in self._actors.values():
            self._ray.kill(actor, no_restart=True)

    def _poll(self) -> dict[int, tuple[list[str], bool, str | None]]:
        asked = {actor.poll.remote(): number for number, actor in self._actors.items()}
        ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=_POLL_SECONDS)
        looks = {}
        for reference in ready:
            number = asked[reference]
            try:
                looks[number] = self._ray.get(reference)
            except self._ray.exceptions.RayError:
                if number not in self._away:
                    self._away.add(number)
                    self._log(f"worker {number} is gone with its node or process; Ray starts it again")
            else:
                self._away.discard(number)
        return looks


def _connected(address: str) -> ModuleType:
    """Ray, connected to a cluster.

    Raises:
        RayError: It is not installed, or there is no such cluster.
    """
    try:
        import ray
    except ImportError:
        raise RayError("--ray needs Ray, which is not installed; pip install 'reluctant[ray]'") from None
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        if port.isdecimal():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise RayError(
            f"there is no Ray cluster at {without_password(address)} ({without_password(reason[:200])}); "
            "start one with `ray start --head`, or name its address"
        ) from None
    connected: ModuleType = ray
    return connected


def _check_database(ray: ModuleType, study: OpenStudy) -> None:
    hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    if study.storage.file is not None and hosts != {socket.gethostname()}:
        raise RayError(
            f"{study.storage.place} is a file of this machine, and the Ray cluster has {len(hosts)} machines; "
            "use a server: --storage postgresql+psycopg://USER@HOST/DATABASE"
        )


def _check_resources(ray: ModuleType, workers: int, cpus: float, gpus: float) -> None:
    """Refuses workers that the cluster could never place; Ray itself would wait for them without end.

    Raises:
        RayError: The text says what is asked for, and what the cluster has.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    places = sum(
        int(min(node.get("CPU", 0) // cpus, node.get("GPU", 0) // gpus if gpus else float("inf"))) for node in nodes
    )
    if places >= workers:
        return
    has = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
    asked = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
    raise RayError(
        f"{workers} workers of {asked} each do not fit this Ray cluster, which has room for {places}: "
        f"its {len(nodes)} nodes have {has}; ask for fewer or smaller workers, or add nodes"
    )
