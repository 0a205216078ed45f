"""A study by several workers: processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Callable

from storage import LeasesLostError, StorageUnreachableError
from study.crew import Crew, worker_command
from study.machine import available_threads
from study.opening import OpenStudy
from study.sampling import Mirror
from study.worker import Progress, nothing_left

_TEND_SECONDS, _LOOK_SECONDS = 0.1, 1.0


def launch(
    study: OpenStudy,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Progress], None] = lambda progress: None,
    log: Callable[[str], None] = lambda line: None,
    lease: float | None = None,
) -> bool:
    """Works on a study by `config.workers` processes until it has its total of trials.

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
    """
    config, storage = study.problem.config, study.storage
    mirror = Mirror(storage, study.study_id)
    mirror.refresh()
    before = done_of(mirror)
    count = crew_size(config.workers, study.total - before, config.cohort, log)
    threads = thread_shares(config.threads or available_threads(), count)
    options: list[object] = ["--data", config.data, "--device", config.device, "--sharing", count]
    options += ["--checkpoint-every", config.checkpoint_every]
    options += [] if config.checkpoints is None else ["--checkpoints", config.checkpoints]
    options += [] if lease is None else ["--lease", lease]
    commands = [worker_command(study.name, *options, "--threads", share) for share in threads]
    url = storage.engine.url.render_as_string(hide_password=False) if storage.file is None else str(storage.file)
    # The environment, since other users can read a process's arguments.
    environment = [{"RELUCTANT_STORAGE": url, "OMP_NUM_THREADS": str(share)} for share in threads]

    def finished() -> int:
        try:
            storage.take_back(study.study_id)
            mirror.refresh()
        except StorageUnreachableError:
            pass
        return done_of(mirror)

    with Crew(commands, environment, finished=finished, log=log) as crew:
        look_at, shown = 0.0, -1
        while not crew.done and not stop():
            crew.tend()
            if time.monotonic() >= look_at:
                done = finished()
                if done != shown:
                    report(Progress(done, study.total, done - before, mirror))
                look_at, shown = time.monotonic() + _LOOK_SECONDS, done
            time.sleep(_TEND_SECONDS)
    if crew.contact_lost:
        raise LeasesLostError(f"the workers lost their database, {storage.place}; everything finished is kept")
    if (done := finished()) != shown:
        report(Progress(done, study.total, done - before, mirror))
    return nothing_left(study, mirror)


def done_of(mirror: Mirror) -> int:
    """Trials that have ended."""
    return sum(trial.state.is_finished() for trial in mirror.trials)


def crew_size(asked: int, missing: int, cohort: int, log: Callable[[str], None]) -> int:
    """How many workers are started; says where that is not what was asked for, or more than a cohort feeds well."""
    count = max(1, min(asked, missing))
    if count < asked:
        log(f"{asked} workers were asked for, and {missing} trials are missing; {count} are started")
    if count > cohort / 4:
        log(
            f"{count} workers share cohorts of {cohort} trials, {-(-cohort // count)} for each; a larger --cohort "
            "would let each train more of them at once, and makes another study"
        )
    return count


def thread_shares(threads: int, workers: int) -> list[int]:
    """Threads of each worker, so that all together use the machine once.

    Example:
        >>> thread_shares(8, 3), thread_shares(2, 4)
        ([3, 3, 2], [1, 1, 1, 1])
    """
    return [max(1, threads // workers + (number < threads % workers)) for number in range(workers)]
