"""A study by several workers: processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Callable

from storage import LeasesLostError
from study.machine import available_threads
from study.records.open_study import OpenStudy
from study.workers.local_processes import Crew, worker_command
from study.workers.observer import Watch, crew_size
from study.workers.ray_actors import launch_on_ray
from study.workers.worker import Progress

_TEND_SECONDS, _LOOK_SECONDS = 0.1, 1.0


def launch(
    study: OpenStudy,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Progress], None] = lambda progress: None,
    log: Callable[[str], None] = lambda line: None,
    lease: float | None = None,
) -> bool:
    """Works on a study by `config.workers` processes or actors until it has its total of trials.

    Args:
        study: The study.
        stop: Asked all the time; all workers then give back what they hold.
        report: Told where the study stands.
        log: Told, in a line, what a user should know.
        lease: As for `work`.

    Returns:
        Whether the study has its total.

    Raises:
        CrewError: Workers crash again and again.
        LeasesLostError: They lost their database.
        RayError: The Ray cluster cannot run them.
    """
    config, storage = study.problem.config, study.storage
    watch = Watch(study, report)
    if config.ray is not None:
        launch_on_ray(study, watch, stop=stop, log=log, lease=lease)
        return watch.nothing_left
    count = crew_size(config.workers, watch.missing, config.cohort, log)
    threads = thread_shares(config.threads or available_threads(), count)
    options: list[object] = ["--data", study.problem.dataset.origin, "--device", config.device, "--sharing", count]
    options += ["--checkpoint-every", config.checkpoint_every]
    options += [] if config.checkpoints is None else ["--checkpoints", config.checkpoints]
    options += [] if lease is None else ["--lease", lease]
    commands = [worker_command(study.name, *options, "--threads", share) for share in threads]
    # The environment, since other users can read a process's arguments.
    environment = [{"RELUCTANT_STORAGE": storage.address, "OMP_NUM_THREADS": str(share)} for share in threads]
    with Crew(commands, environment, finished=watch.look, log=log) as crew:
        look_at = 0.0
        while not crew.done and not stop():
            crew.tend()
            if time.monotonic() >= look_at:
                watch.look()
                look_at = time.monotonic() + _LOOK_SECONDS
            time.sleep(_TEND_SECONDS)
    watch.look()
    if crew.contact_lost and not watch.nothing_left:
        raise LeasesLostError(f"the workers lost their database, {storage.place}; everything finished is kept")
    return watch.nothing_left


def thread_shares(threads: int, workers: int) -> list[int]:
    """Threads of each worker, so that all together use the machine once.

    Example:
        >>> thread_shares(8, 3), thread_shares(2, 4)
        ([3, 3, 2], [1, 1, 1, 1])
    """
    return [max(1, threads // workers + (number < threads % workers)) for number in range(workers)]
