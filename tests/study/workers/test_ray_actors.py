"""What a Ray cluster cannot run is refused in plain words, and what its workers say is passed on."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import user_files

from reluctant.errors import ReluctantWarning
from storage import open_storage
from study.config import read_config
from study.problem import Search
from study.records.attributes import VERSIONS
from study.records.naming import rename
from study.records.open_study import create_or_open
from study.workers.local_processes import WorkersFailedError
from study.workers.ray_actors import RayError, _Actors, _check_resources, _connected, actors_key
from study.workers.ray_worker import Assignment, RayWorker, assignment_of


class Nodes:
    """As much of Ray as tells what a cluster has."""

    def __init__(self, *resources: dict[str, float]) -> None:
        self._resources = resources

    def nodes(self) -> list[dict[str, object]]:
        return [{"Alive": True, "Resources": resources} for resources in self._resources] + [
            {"Alive": False, "Resources": {"CPU": 64.0}}
        ]


def test_what_a_cluster_cannot_place_is_refused_with_what_it_has() -> None:
    cluster = Nodes({"CPU": 4.0, "GPU": 1.0}, {"CPU": 3.0})
    _check_resources(cluster, 3, 2.0, 0.0)  # type: ignore[arg-type]
    _check_resources(cluster, 4, 0.5, 0.25)  # type: ignore[arg-type]
    with pytest.raises(
        RayError, match=r"4 workers of 2 CPUs each .* room for 3: its 2 nodes have 4 CPUs and 1 GPUs, 3"
    ):
        _check_resources(cluster, 4, 2.0, 0.0)  # type: ignore[arg-type]
    with pytest.raises(RayError, match=r"2 workers of 1 CPUs and 1 GPUs each do not fit .* room for 1"):
        _check_resources(cluster, 2, 1.0, 1.0)  # type: ignore[arg-type]


def test_ray_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RayError, match=r"pip install 'reluctant\[ray\]'"):
        _connected("auto")


def test_a_worker_says_that_its_versions_are_not_the_studys_and_nothing_that_the_driver_said(tmp_path: Path) -> None:
    """Guards against silencing all warnings of a node, whose libraries may be other ones."""
    rows = "".join(f"{number % 7},{number},{number % 2}\n" for number in range(60))
    (tmp_path / "d.csv").write_text(f"a,id,y\n{rows}")
    storage = open_storage(tmp_path / "studies.db")
    options = {"data": str(tmp_path / "d.csv"), "target": "y", "trials": 1, "seeds": 1, "epochs": 1, "name": "s"}
    with pytest.warns(ReluctantWarning, match="id"):
        study = create_or_open(Search.of(read_config(options)), storage)
    recorded = storage.get_study_system_attrs(study.study_id)[VERSIONS]
    storage.set_study_attrs(study.study_id, system_attrs={VERSIONS: recorded | {"torch": "0.1"}})
    worker = RayWorker(
        Assignment(storage.address, study.study_id, "s", study.problem.dataset.origin, {"threads": 1}, None)
    )
    lines, alive, failure = worker.poll()
    while alive:
        time.sleep(0.1)
        more, alive, failure = worker.poll()
        lines += more
    storage.close()
    assert failure is None
    assert [line for line in lines if "'id'" in line] == []
    assert any(line.startswith("this study was started with other versions (torch 0.1 → ") for line in lines)


def ended(worker: RayWorker) -> str | None:
    """Waits until a worker has ended; returns why, where it failed."""
    _, alive, failure = worker.poll()
    while alive:
        time.sleep(0.1)
        _, alive, failure = worker.poll()
    return failure


NETWORK = {"data": "iris", "trials": 6, "cohort": 6, "seeds": 1, "epochs": 1, "name": "s"}


def test_the_file_of_a_user_s_network_travels_to_a_node_that_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = user_files.write(tmp_path, user_files.SHARED)
    storage = open_storage(tmp_path / "studies.db")
    study = create_or_open(Search.of(read_config({**NETWORK, "network": file})), storage)
    assignment = assignment_of(study, None)
    (tmp_path / "net.py").unlink()
    (tmp_path / "node").mkdir()
    monkeypatch.chdir(tmp_path / "node")
    assert ended(RayWorker(assignment)) is None
    assert len(storage.read_trials(study.study_id)) == 6
    without = ended(RayWorker(replace(assignment, network=None)))
    assert without is not None
    assert "net.py, the network of study 's', is gone" in without
    storage.close()


def test_a_worker_whose_networks_raise_is_not_started_again(tmp_path: Path) -> None:
    file = user_files.write(tmp_path, user_files.RAISES.format(when="self.training and len(x) > 3"))
    storage = open_storage(tmp_path / "studies.db")
    study = create_or_open(Search.of(read_config({**NETWORK, "network": file})), storage)
    failure = ended(RayWorker(assignment_of(study, None)))
    actors = _Actors.__new__(_Actors)
    actors._log = print
    actors._poll = lambda: {1: ([], False, failure)}  # type: ignore[method-assign]
    with pytest.raises(WorkersFailedError, match="worker 1 cannot work: the networks of 5 trials in a row raised"):
        actors.supervise()
    storage.close()


@pytest.mark.filterwarnings("ignore:the study that was called 's' is now 'former'")
def test_a_renamed_study_keeps_its_actors_and_a_study_of_its_former_name_has_others(tmp_path: Path) -> None:
    problem = Search.of(read_config({"data": "iris", "trials": 1, "name": "s"}))
    storage = open_storage(tmp_path / "studies.db")
    former = create_or_open(problem, storage)
    before = actors_key(former)
    rename(storage, former.study_id, "former")
    again = create_or_open(problem, storage)
    assert actors_key(replace(former, name="former")) == before
    assert actors_key(again) != before
    storage.close()
