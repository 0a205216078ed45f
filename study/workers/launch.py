"""A study by as many workers as were asked for: in this process, in several, or as actors of a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Callable

from storage import LeasesLostError
from study.machine import available_threads
from study.records.open_study import OpenStudy
from study.workers.local_processes import LocalProcesses, worker_command
from study.workers.observer import Observer, worker_count
from study.workers.ray_actors import launch_on_ray
from study.workers.worker import StudyProgress, work

_SUPERVISE_SECONDS, _OBSERVE_SECONDS = 0.1, 1.0


def launch(
    study: OpenStudy,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[StudyProgress], None] = lambda progress: None,
    log: Callable[[str], None] = lambda line: None,
    lease: float | None = None,
    processes: bool = True,
) -> bool:
    """Trains a study until it has its total of trials, by the workers that its configuration asks for.

    Args:
        study: A search or a comparison.
        stop: Called all the time; returns whether to stop. All workers then release the trials that they hold.
        report: Called with the study's progress.
        log: Called with every line that a user should read.
        lease: As for `work`.
        processes: As for `work`, where this process is the only worker.

    Returns:
        Whether the study has its total.

    Raises:
        WorkersFailedError: Workers crash again and again.
        LeasesLostError: The workers lost their database.
        RayError: The Ray cluster cannot run them.
        TrainingProcessError: A process that trained a block is gone.
    """
    config = study.problem.config
    if config.ray is None and config.workers == 1:
        return work(study, stop=stop, report=report, log=log, lease=lease, processes=processes)
    observer = Observer(study, report)
    if config.ray is not None:
        launch_on_ray(study, observer, stop=stop, log=log, lease=lease)
    else:
        _launch_here(study, observer, stop=stop, log=log, lease=lease)
    return observer.complete


def _launch_here(
    study: OpenStudy, observer: Observer, *, stop: Callable[[], bool], log: Callable[[str], None], lease: float | None
) -> None:
    """Trains a study by processes of this machine."""
    config, storage = study.problem.config, study.storage
    count = worker_count(config.workers, observer.missing, config.cohort, config.bracket, log)
    threads = thread_shares(config.threads or available_threads(), count)
    given = {"data": study.problem.dataset.origin, **config.for_workers, "sharing": count}
    # By the id, a worker that is replaced finds a study that was renamed meanwhile.
    given |= {"study_id": study.study_id} | ({} if lease is None else {"lease": lease})
    commands = [worker_command(study.name, given | {"threads": share}) for share in threads]
    # The environment, since other users can read a process's arguments.
    environment = [{"RELUCTANT_STORAGE": storage.address, "OMP_NUM_THREADS": str(share)} for share in threads]
    with LocalProcesses(commands, environment, finished=observer.refresh, log=log) as processes:
        observe_at = 0.0
        while not processes.done and not stop():
            processes.supervise()
            if time.monotonic() >= observe_at:
                observer.refresh()
                observe_at = time.monotonic() + _OBSERVE_SECONDS
            time.sleep(_SUPERVISE_SECONDS)
    observer.refresh()
    if processes.contact_lost and not observer.complete:
        raise LeasesLostError(f"the workers lost their database, {storage.place}; everything finished is kept")


def thread_shares(threads: int, workers: int) -> list[int]:
    """Threads of each worker, so that all together use the machine once.

    Example:
        >>> thread_shares(8, 3), thread_shares(2, 4)
        ([3, 3, 2], [1, 1, 1, 1])
    """
    return [max(1, threads // workers + (number < threads % workers)) for number in range(workers)]
