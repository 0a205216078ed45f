"""Checkpoints: what they hold, when they are written, and what is wrong with some of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from search_spaces import Hyperparameters
from study.config import read_config
from study.problem import Problem, Search
from study.training import Interrupted, Outcome, Trainer, fit
from study.workers.checkpoints import Checkpoints, remove_checkpoints

OPTIONS = {"data": "iris", "seeds": 2, "epochs": 12, "hidden": "16", "name": "s"}
TRIALS = {
    3: Hyperparameters(activation="prelu", hidden=(16,), learning_rate=0.01),
    7: Hyperparameters(activation="relu", dropout=0.5, hidden=(16,), learning_rate=0.01),
    8: Hyperparameters(activation="tanh", hidden=(16,), learning_rate=0.01),
}


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Search.of(read_config(OPTIONS))


@pytest.fixture(scope="module")
def whole(problem: Problem) -> list[Outcome]:
    return train(problem)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def checkpoints(problem: Problem, tmp_path: Path, lines: list[str]) -> Checkpoints:
    return Checkpoints(tmp_path / "kept", 1, "s", problem, every=1e-9, log=lines.append)


def train(problem: Problem, **options: Any) -> list[Outcome]:
    return fit(list(TRIALS.values()), problem.splits, problem.budget, problem.streams, task=problem.task, **options)


def stop_after(steps: int) -> Callable[[], bool]:
    calls = iter(range(10**9))
    return lambda: next(calls) >= steps


def test_an_interrupted_training_goes_on_from_its_files_and_ends_the_same(
    problem: Problem, whole: list[Outcome], checkpoints: Checkpoints, lines: list[str]
) -> None:
    for steps in (9, 10, 11, 12):
        with pytest.raises(Interrupted):
            train(problem, keeper=checkpoints.keeper(f"{steps:032x}", TRIALS), stop=stop_after(steps))
    last = checkpoints.keeper("f" * 32, TRIALS)
    assert min(last.resumed.values()) > problem.budget.epochs
    assert train(problem, keeper=last) == whole
    checkpoints.remove(TRIALS)
    assert not checkpoints.path(3, "f").parent.exists()
    assert lines == []


def test_what_was_given_at_rungs_survives_an_interruption(
    problem: Problem, checkpoints: Checkpoints, lines: list[str]
) -> None:
    """The outcomes at rungs are read from the files, both of trials that go on and of those that are finished."""
    trainer = Trainer(problem.splits, problem.budget, problem.streams, task=problem.task)

    def fit_rungs(**options: Any) -> tuple[list[Outcome], list[tuple[int, dict[int, Outcome]]]]:
        asked: list[tuple[int, dict[int, Outcome]]] = []

        def all_but_the_worst(epoch: int, outcomes: Mapping[int, Outcome]) -> list[int]:
            asked.append((epoch, dict(outcomes)))
            return sorted(outcomes, key=lambda trial: outcomes[trial].mean("log_loss"))[: len(outcomes) - (epoch == 5)]

        return trainer.fit(list(TRIALS.values()), rungs=(2, 5), decide=all_but_the_worst, **options), asked

    whole = fit_rungs()
    for number, steps in enumerate((9, 9, 9, 17)):
        with pytest.raises(Interrupted):
            fit_rungs(keeper=checkpoints.keeper(f"{number:032x}", TRIALS), stop=stop_after(steps))
    last = checkpoints.keeper("f" * 32, TRIALS)
    assert min(last.resumed.values()) > 2
    assert fit_rungs(keeper=last) == whole
    assert lines == []


def test_a_regression_goes_on_from_its_files_and_ends_the_same(tmp_path: Path, lines: list[str]) -> None:
    rows = "".join(f"{row * 7 % 13},{0.37 * row % 5}\n" for row in range(150))
    (tmp_path / "t.csv").write_text(f"a,y\n{rows}")
    problem = Search.of(read_config(OPTIONS | {"data": str(tmp_path / "t.csv"), "target": "y"}))
    checkpoints = Checkpoints(tmp_path / "kept", 1, "s", problem, every=1e-9, log=lines.append)
    with pytest.raises(Interrupted):
        train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS), stop=stop_after(9))
    keeper = checkpoints.keeper("b" * 32, TRIALS)
    assert keeper.resumed
    assert train(problem, keeper=keeper) == train(problem)
    assert lines == []


def test_folds_of_different_inputs_go_on_from_their_files(tmp_path: Path, lines: list[str]) -> None:
    """A category that a fold's training part lacks is no input of its networks."""
    rows = "".join(f"{row % 7},{'rare' if row == 3 else 'ab'[row % 2]},{'pq'[row % 2]}\n" for row in range(60))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
    options = {"data": str(tmp_path / "t.csv"), "target": "y", "cv": 3, "seeds": 1}
    problem = Search.of(read_config(OPTIONS | options))
    assert len({len(split.features) for split in problem.splits}) == 2
    checkpoints = Checkpoints(tmp_path / "kept", 1, "s", problem, every=1e-9, log=lines.append)
    for token, steps in (("a", 9), ("b", 20)):
        with pytest.raises(Interrupted):
            train(problem, keeper=checkpoints.keeper(token * 32, TRIALS), stop=stop_after(steps))
    keeper = checkpoints.keeper("c" * 32, TRIALS)
    assert min(keeper.resumed.values()) > problem.budget.epochs  # beyond the first fold
    assert train(problem, keeper=keeper) == train(problem)
    assert lines == []


def test_there_is_one_file_a_trial_and_it_is_its_writers(problem: Problem, checkpoints: Checkpoints) -> None:
    folder = checkpoints.path(3, "a").parent
    for token in ("a" * 32, "b" * 32):
        with pytest.raises(Interrupted):
            train(problem, keeper=checkpoints.keeper(token, TRIALS), stop=stop_after(9))
        assert sorted(folder.iterdir()) == [checkpoints.path(number, token) for number in TRIALS]
    late = checkpoints.keeper("a" * 32, TRIALS)  # it was thought dead, and writes on
    with pytest.raises(Interrupted):
        train(problem, keeper=late, stop=stop_after(9))
    late.drop(TRIALS)
    assert {path.name[-43:-12] for path in folder.iterdir()} <= {"b" * 31}


def test_nothing_is_written_where_training_is_quick(problem: Problem, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "kept", 1, "s", problem, every=60, log=print)
    train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS))
    assert not (tmp_path / "kept").exists()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    save_file({"x": torch.zeros(3)}, path)


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], None]) -> None:
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["reluctant"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(header, tensors)
    save_file(tensors, path, {"reluctant": json.dumps(header)})


def of_another_study(path: Path) -> None:
    rewritten(path, lambda header, tensors: header["subject"].update(study="0" * 16))


def of_another_shape(path: Path) -> None:
    rewritten(path, lambda header, tensors: tensors.update({"0/weight.0": torch.zeros(5, 5)}))


def without_a_tensor(path: Path) -> None:
    rewritten(path, lambda header, tensors: tensors.pop("0/bias.0"))


def beyond_the_end(path: Path) -> None:
    rewritten(path, lambda header, tensors: header["epochs"].update({"0": 12}))


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (truncated, "damaged"),
        (emptied, "damaged"),
        (foreign, "damaged"),
        (of_another_study, "of another trial"),
        (of_another_shape, "another shape"),
        (without_a_tensor, "another shape"),
        (beyond_the_end, "another shape"),
    ],
)
def test_a_file_that_is_of_no_use_is_discarded_and_said(
    problem: Problem,
    whole: list[Outcome],
    checkpoints: Checkpoints,
    lines: list[str],
    damage: Callable[[Path], None],
    text: str,
) -> None:
    with pytest.raises(Interrupted):
        train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS), stop=stop_after(6))
    damage(checkpoints.path(7, "a" * 32))
    keeper = checkpoints.keeper("b" * 32, TRIALS)
    assert len(lines) == 1
    assert text in lines[0]
    assert "trial 7 starts over" in lines[0]
    assert set(keeper.resumed) == {3, 8}
    assert train(problem, keeper=keeper) == whole


def test_a_file_that_is_removed_while_it_is_read_is_as_none(
    problem: Problem, checkpoints: Checkpoints, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch opens a file once more for its tensors; a study that is deleted takes it away between the two."""
    with pytest.raises(Interrupted):
        train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS), stop=stop_after(6))
    mapped = torch.UntypedStorage.from_file

    def of_a_removed_file(path: str, *arguments: Any, **options: Any) -> Any:
        Path(path).unlink()
        return mapped(path, *arguments, **options)

    monkeypatch.setattr(torch.UntypedStorage, "from_file", of_a_removed_file)
    assert checkpoints.keeper("b" * 32, TRIALS).resumed == {}
    assert lines == []


def test_a_folder_that_cannot_be_written_costs_no_training(
    problem: Problem, whole: list[Outcome], tmp_path: Path, lines: list[str]
) -> None:
    (tmp_path / "file").touch()
    checkpoints = Checkpoints(tmp_path / "file" / "kept", 1, "s", problem, every=1e-9, log=lines.append)
    assert train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS)) == whole
    assert "cannot be written" in lines[0]


def test_files_of_finished_trials_are_removed_and_other_studies_files_kept(
    problem: Problem, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    # It was started anew under the name of a study that was renamed.
    other = Checkpoints(tmp_path / "kept", 2, "s", problem, every=1e-9, log=print)
    for one in (checkpoints, other):
        with pytest.raises(Interrupted):
            train(problem, keeper=one.keeper("a" * 32, TRIALS), stop=stop_after(9))
    checkpoints.remove_except([7])
    left = sorted((tmp_path / "kept").iterdir())
    assert left == sorted([checkpoints.path(7, "a" * 32), *(other.path(number, "a" * 32) for number in TRIALS)])
    remove_checkpoints(tmp_path / "kept", 1, "s", problem.identity)
    assert sorted((tmp_path / "kept").iterdir()) == [other.path(number, "a" * 32) for number in TRIALS]


def of_a_former_version(problem: Problem, path: Path) -> Path:
    """Renames a file as it was called when the study's id did not count."""
    key = hashlib.sha256(json.dumps(["s", problem.identity], sort_keys=True).encode()).hexdigest()[:16]
    rewritten(path, lambda header, tensors: header["subject"].update(study=key))
    return path.rename(path.with_name(f"{key}{path.name[16:]}"))


def test_files_of_a_former_version_are_found_and_removed(
    problem: Problem, whole: list[Outcome], checkpoints: Checkpoints, lines: list[str]
) -> None:
    with pytest.raises(Interrupted):
        train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS), stop=stop_after(9))
    former = [of_a_former_version(problem, checkpoints.path(number, "a" * 32)) for number in TRIALS]
    checkpoints.remove_except([3, 7])
    assert [path.exists() for path in former] == [True, True, False]
    keeper = checkpoints.keeper("b" * 32, TRIALS)
    assert set(keeper.resumed) == {3, 7}
    assert train(problem, keeper=keeper) == whole
    checkpoints.remove(TRIALS)
    assert not former[0].parent.exists()
    assert lines == []


def test_files_of_a_former_version_go_with_their_study(problem: Problem, checkpoints: Checkpoints) -> None:
    with pytest.raises(Interrupted):
        train(problem, keeper=checkpoints.keeper("a" * 32, TRIALS), stop=stop_after(9))
    former = of_a_former_version(problem, checkpoints.path(3, "a" * 32))
    remove_checkpoints(former.parent, 1, "s", problem.identity)
    assert not former.parent.exists()
