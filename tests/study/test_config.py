"""Options: where they come from, what is refused, and what makes another study."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from reluctant import ReluctantError
from study.config import ConfigError, Option, Scope, StudyConfig, digest, read_config
from study.machine import available_threads
from study.sampling.registry import SAMPLER_NAMES
from study.tasks import METRICS

# A value other than the default for every option.
OTHER: dict[str, Any] = {
    "data": "iris",
    "target": "income",
    "test": "test.csv",
    "weights": "w",
    "groups": "g",
    "time": "t",
    "cv": 5,
    "rows": 500,
    "drop": ("id", "note"),
    "keep": ("code",),
    "image_size": (24, 32),
    "space": "wide",
    "trials": 7,
    "seeds": 2,
    "epochs": 4,
    "patience": 3,
    "network": "cnn",
    "hidden": (16, 8),
    "channels": (8, 4),
    "head": "average",
    "normalization": "batch",
    "residual": True,
    "batch_size": 32,
    "learning_rate": 0.01,
    "optimizer": "sgd",
    "objective": "accuracy",
    "sparsity_weight": 0.5,
    "task": "regression",
    "metric": "balanced_accuracy",
    "loss": "huber",
    "class_weight": "balanced",
    "label_smoothing": 0.1,
    "sparsity": "gini",
    "min_accuracy": 0.25,
    "tolerance": 1.0,
    "confirm": False,
    "sampler_option": ("population_size=16",),
    "claims": (1, 2, 7),
    "variance": "nadeau-bengio",
    "sampler": "qmc",
    "cohort": 16,
    "pruner": "halving",
    "min_epochs": 2,
    "reduction_factor": 4,
    "bracket": 8,
    "min_seeds": 2,
    "seed": 9,
    "storage": "elsewhere.db",
    "name": "mine",
    "device": "cuda",
    "threads": 1,
    "timeout": 60.0,
    "workers": 3,
    "ray": "auto",
    "cpus_per_worker": 2.5,
    "gpus_per_worker": 0.25,
    "checkpoints": "kept",
    "checkpoint_every": 5.0,
}

# What an option makes sense with only.
NEEDED: dict[str, dict[str, Any]] = {
    "sparsity_weight": {"objective": "weighted"},
    "cpus_per_worker": {"ray": "auto"},
    "gpus_per_worker": {"ray": "auto", "device": "cuda"},
}


def identity(**options: Any) -> dict[str, Any]:
    return StudyConfig(**options).identity(fingerprint="f" * 64, space_text="[dropout]")


def write(folder: Path, text: str) -> str:
    file = folder / "study.toml"
    file.write_text(text)
    return str(file)


def refusal(options: dict[str, Any], *, file: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(options, file=file)
    assert isinstance(caught.value, ReluctantError)
    assert isinstance(caught.value, ValueError)
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message
    return message


def test_every_option_has_another_value_here() -> None:
    assert set(OTHER) == set(StudyConfig.model_fields)
    assert all(getattr(StudyConfig(), name) != value for name, value in OTHER.items())


def test_defaults_are_those_of_the_documentation() -> None:
    config = StudyConfig()
    assert (config.data, config.target, config.space) == ("digits", None, "core")
    assert (config.trials, config.seeds, config.epochs) == (200, 3, 30)
    assert (config.hidden, config.batch_size, config.learning_rate, config.optimizer) == ((64, 64), 64, 0.001, "adam")
    assert (config.objective, config.metric, config.sparsity) == ("front", "accuracy", "clamped_zeros")
    assert (config.sampler, config.cohort, config.seed) == ("tpe", 32, 0)
    assert (config.storage, config.name, config.min_accuracy) == ("reluctant.db", None, None)


# Where a value comes from


@pytest.mark.parametrize("metric", METRICS)
def test_score_and_sparsity_speak_of_one_network(metric: str) -> None:
    """The clamped one where its zeros count; the one that was trained where another sparsity, or none, is asked for."""
    clamped = StudyConfig(metric=metric)
    assert (clamped.clamps, clamped.score, clamped.sparsity) == (True, f"clamped_{metric}", "clamped_zeros")
    assert StudyConfig(metric=metric, objective="weighted").score == f"clamped_{metric}"
    for options in ({"sparsity": "near_zero"}, {"sparsity": "hoyer"}, {"objective": "accuracy"}):
        as_trained = StudyConfig(metric=metric, **options)
        assert (as_trained.clamps, as_trained.score) == (False, metric)
    assert StudyConfig(objective="accuracy").sparsity == "near_zero"
    assert StudyConfig(objective="accuracy", sparsity="clamped_zeros").score == "clamped_accuracy"


@pytest.mark.parametrize("name", OTHER)
def test_option_before_file_before_default(name: str, tmp_path: Path) -> None:
    value = OTHER[name]
    line = f"{name.replace('_', '-')} = {json.dumps(list(value) if isinstance(value, tuple) else value)}"
    file = write(tmp_path, line)
    default = getattr(StudyConfig(), name)
    others = NEEDED.get(name, {})
    assert getattr(read_config(others), name) == default
    assert getattr(read_config(others | {name: None}, file=file), name) == value
    if default is not None:
        assert getattr(read_config(others | {name: default}, file=file), name) == default
    assert getattr(read_config(others | {name: value}), name) == value


def test_file_and_options_together(tmp_path: Path) -> None:
    file = write(tmp_path, 'batch_size = 16\nlearning-rate = 0.1\nhidden = "32,16"\nepochs = 5\n')
    config = read_config({"epochs": 6, "hidden": None, "trials": None, "seeds": 1}, file=file)
    assert (config.batch_size, config.learning_rate, config.hidden) == (16, 0.1, (32, 16))
    assert (config.epochs, config.seeds, config.trials) == (6, 1, 200)
    assert config.model_fields_set == {"batch_size", "learning_rate", "hidden", "epochs", "seeds"}


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        StudyConfig().trials = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "hidden"),
    [
        ("128,64", (128, 64)),
        ("64", (64,)),
        (" 8 , 4 ", (8, 4)),
        ([8, 4], (8, 4)),
        ((8,), (8,)),
        ("8192", (8192,)),
    ],
)
def test_hidden(given: Any, hidden: tuple[int, ...]) -> None:
    assert read_config({"hidden": given}).hidden == hidden


# What is refused

BAD = [
    ("data", 3, "--data is 3; ", "a valid string"),
    ("target", 3, "--target is 3; ", "a valid string"),
    ("space", 3, "--space is 3; ", "a valid string"),
    ("test", 3, "--test is 3; ", "a valid string"),
    ("weights", 3, "--weights is 3; ", "a valid string"),
    ("groups", 3, "--groups is 3; ", "a valid string"),
    ("time", 3, "--time is 3; ", "a valid string"),
    ("cv", 1, "--cv is 1; ", "greater than or equal to 2"),
    ("class_weight", "1,-5", "--class-weight is '1,-5'; ", "needs to be balanced, or a positive number for each class"),
    ("class_weight", "balance", "--class-weight is 'balance'; ", "needs to be balanced, or a positive number"),
    ("label_smoothing", 1, "--label-smoothing is 1; ", "less than 1"),
    ("rows", 0, "--rows is 0; ", "greater than or equal to 1"),
    ("trials", 0, "--trials is 0; ", "greater than or equal to 1"),
    ("trials", "many", "--trials is 'many'; ", "a valid integer"),
    ("trials", 1.5, "--trials is 1.5; ", "a valid integer"),
    ("seeds", 0, "--seeds is 0; ", "greater than or equal to 1"),
    ("seeds", 1001, "--seeds is 1001; ", "less than or equal to 1000"),
    ("epochs", 0, "--epochs is 0; ", "greater than or equal to 1"),
    ("patience", 31, "--patience is 31 and --epochs is 30; ", "from 1 to 30, or none"),
    ("pruner", "halvin", "unknown pruner 'halvin'", "did you mean 'halving'"),
    ("min_epochs", 0, "--min-epochs is 0; ", "greater than or equal to 1"),
    ("reduction_factor", 1, "--reduction-factor is 1; ", "greater than or equal to 2"),
    ("bracket", 1, "--bracket is 1; ", "greater than or equal to 2"),
    ("min_seeds", 0, "--min-seeds is 0; ", "greater than or equal to 1"),
    ("hidden", "0", "--hidden is '0'; ", "greater than or equal to 1"),
    ("hidden", "64,-1", "--hidden is '64,-1'; ", "greater than or equal to 1"),
    ("hidden", "64,9000", "--hidden is '64,9000'; ", "less than or equal to 8192"),
    ("hidden", "64,", "--hidden is '64,'; ", "a valid integer"),
    ("hidden", "wide", "--hidden is 'wide'; ", "a valid integer"),
    ("hidden", "64.5", "--hidden is '64.5'; ", "a valid integer"),
    ("hidden", "", "--hidden is ''; ", "a valid integer"),
    ("hidden", [], "--hidden is []; ", "1 to 100 numbers"),
    ("hidden", [8] * 101, "--hidden is [8, 8, ", "1 to 100 numbers"),
    ("batch_size", 0, "--batch-size is 0; ", "greater than or equal to 1"),
    ("learning_rate", 0, "--learning-rate is 0; ", "greater than 0"),
    ("learning_rate", 11, "--learning-rate is 11; ", "less than or equal to 10"),
    ("learning_rate", "fast", "--learning-rate is 'fast'; ", "a valid number"),
    ("learning_rate", math.nan, "--learning-rate is nan; ", "a finite number"),
    ("tolerance", -1, "--tolerance is -1; ", "greater than or equal to 0"),
    ("optimizer", "adamw", "unknown optimizer 'adamw'; ", "did you mean 'adam'? (known: adam, sgd)"),
    ("claims", "99", "--claims is '99'; there is no claim 99; ", "1-3,7, or all"),
    ("claims", "0-3", "--claims is '0-3'; there is no claim 0; ", "there are the claims 1-"),
    ("claims", "3-1", "--claims is '3-1'; the range 3-1 runs backwards; ", "numbers and ranges"),
    ("claims", "x", "--claims is 'x'; 'x' is no number and no range; ", "numbers and ranges"),
    ("claims", "1,,2", "--claims is '1,,2'; '' is no number", "numbers and ranges"),
    ("claims", [], "--claims is []; no claim is named; ", "numbers and ranges"),
    ("claims", 99, "--claims is 99; there is no claim 99; ", "numbers and ranges"),
    ("variance", "none", "unknown variance 'none'", "measured, nadeau-bengio"),
    ("objective", "wieghted", "unknown objective 'wieghted'; ", "mean 'weighted'? (known: front, weighted, accuracy)"),
    ("sparsity_weight", -1, "--sparsity-weight is -1; ", "greater than or equal to 0"),
    ("sparsity_weight", math.nan, "--sparsity-weight is nan; ", "a finite number"),
    ("metric", "acuracy", "unknown metric 'acuracy'; ", f"mean 'accuracy'? (known: {', '.join(METRICS)})"),
    ("task", "regresion", "unknown task 'regresion'; ", "mean 'regression'? (known: classification, regression)"),
    ("loss", "hubert", "unknown loss 'hubert'; ", "mean 'huber'? (known: squared, huber)"),
    ("sparsity", "near-zero", "unknown sparsity 'near-zero'; ", "mean 'near_zero'? (known: clamped_zeros, near_zero, "),
    ("min_accuracy", -0.1, "--min-accuracy is -0.1; ", "greater than or equal to 0"),
    ("min_accuracy", 1, "--min-accuracy is 1; ", "less than 1"),
    ("sampler", "TPE", "unknown sampler 'TPE'; ", f"did you mean 'tpe'? (known: {', '.join(SAMPLER_NAMES)})"),
    ("cohort", 0, "--cohort is 0; ", "greater than or equal to 1"),
    ("cohort", 4097, "--cohort is 4097; ", "less than or equal to 4096"),
    ("seed", -1, "--seed is -1; ", "greater than or equal to 0"),
    ("seed", 2**63, f"--seed is {2**63}; ", f"less than {2**63}"),
    ("storage", 3, "--storage is 3; ", "a valid string"),
    ("name", "", "--name is ''; ", "a name needs 1 to 200 printable characters"),
    ("name", "a\nb", "--name is 'a\\nb'; ", "a name needs 1 to 200 printable characters"),
    ("name", "x" * 201, "--name is 'xxx", "a name needs 1 to 200 printable characters"),
    ("device", 3, "--device is 3; ", "a valid string"),
    ("threads", 0, "--threads is 0; ", "greater than or equal to 1"),
    ("threads", 100_000, "--threads is 100000; ", f"this process may use {available_threads()} cores"),
    ("timeout", 0, "--timeout is 0; ", "greater than 0"),
    ("timeout", "soon", "--timeout is 'soon'; ", "a valid number"),
    ("timeout", math.inf, "--timeout is inf; ", "a finite number"),
    ("workers", 0, "--workers is 0; ", "greater than or equal to 1"),
    ("workers", 1025, "--workers is 1025; ", "less than or equal to 1024"),
    ("channels", 0, "--channels is 0; ", "greater than or equal to 1"),
    ("head", "mean", "unknown head 'mean'", "flatten, average"),
    ("normalization", "group", "unknown normalization 'group'", "none, batch, layer"),
    ("residual", 1, "--residual is 1; ", "a valid boolean"),
    ("network", 3, "--network is 3; ", "a valid string"),
    ("drop", 3, "--drop is 3; ", "a valid tuple"),
    ("keep", [1], "--keep is [1]; ", "each of its numbers"),
    ("image_size", "24x", "--image-size is '24x'; ", "rows and columns as in 24x32"),
    ("image_size", 0, "--image-size is 0; ", "greater than or equal to 1"),
    ("ray", 3, "--ray is 3; ", "a valid string"),
    ("cpus_per_worker", 0, "--cpus-per-worker is 0; ", "greater than 0"),
    ("gpus_per_worker", -0.5, "--gpus-per-worker is -0.5; ", "greater than or equal to 0"),
    ("confirm", 1, "--confirm is 1; ", "a valid boolean"),
    ("sampler_option", "population_size", "--sampler-option is 'population_size'; ", "needs NAME=VALUE"),
    ("checkpoints", 3, "--checkpoints is 3; ", "a valid string"),
    ("checkpoint_every", 0, "--checkpoint-every is 0; ", "greater than 0"),
]


@pytest.mark.parametrize(("name", "value", "seen", "needed"), BAD)
def test_a_bad_value_is_one_clear_line(name: str, value: Any, seen: str, needed: str) -> None:
    message = refusal({name: value})
    assert message.startswith(seen)
    assert needed in message
    assert len(message) < 200


def test_every_option_is_tried_with_a_bad_value() -> None:
    assert {name for name, *_ in BAD} == set(StudyConfig.model_fields)


@pytest.mark.parametrize("value", ["0", "wide", ""])
def test_one_mistake_is_told_once(value: str) -> None:
    assert refusal({"hidden": value}).count("--hidden") == 1


def test_several_mistakes_are_told_together() -> None:
    message = refusal({"trials": 0, "sampler": "tp", "hidden": "0,0"})
    assert "--trials is 0" in message
    assert "unknown sampler 'tp'" in message
    assert message.count("--hidden is '0,0'") == 1


NUMBERS = [
    *("trials", "seeds", "epochs", "batch_size", "learning_rate", "sparsity_weight"),
    *("cohort", "seed", "threads", "timeout", "workers", "cpus_per_worker", "gpus_per_worker", "checkpoint_every"),
]


@pytest.mark.parametrize("name", NUMBERS)
def test_true_is_no_number(name: str, tmp_path: Path) -> None:
    assert f"--{name.replace('_', '-')} is True" in refusal({}, file=write(tmp_path, f"{name} = true"))


@pytest.mark.parametrize("line", ["hidden = [true, 64]", "min_accuracy = false"])
def test_true_and_false_are_no_numbers_elsewhere(line: str, tmp_path: Path) -> None:
    name = line.split(" ")[0].replace("_", "-")
    assert f"--{name} is " in refusal({}, file=write(tmp_path, line))


def test_a_mistake_in_the_file_names_the_option(tmp_path: Path) -> None:
    assert "--batch-size is 0; " in refusal({}, file=write(tmp_path, "batch_size = 0"))


def test_an_unknown_key_names_the_file_and_the_nearest(tmp_path: Path) -> None:
    file = write(tmp_path, "epoch = 3")
    assert refusal({}, file=file).startswith(f"unknown option 'epoch' in {file}; did you mean 'epochs'? (known: data,")
    assert "unknown option 'study' in" in refusal({}, file=write(tmp_path, "[study]\nepochs = 3"))


def test_one_option_in_two_spellings(tmp_path: Path) -> None:
    assert "batch" in refusal({}, file=write(tmp_path, "batch_size = 8\nbatch-size = 16"))


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbfepochs = 5\n")
    assert read_config({}, file=str(tmp_path / "marked.toml")).epochs == 5


@pytest.mark.parametrize("content", [b"epochs: 3", b"epochs = ", bytes(range(256)), b"epochs = 3\nepochs = 4"])
def test_a_file_that_is_not_toml(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    message = refusal({}, file=str(file))
    assert message.startswith("cannot read --config ")
    assert str(file) in message
    assert message.endswith("; it needs to be a TOML file")


def test_a_number_too_long_to_read(tmp_path: Path) -> None:
    assert "cannot read --config" in refusal({}, file=write(tmp_path, "seed = " + "9" * 5000))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal({}, file=str(tmp_path / "none.toml"))
    assert "irectory" in refusal({}, file=str(tmp_path))
    assert "cannot read --config" in refusal({}, file="~no-such-user-here/x.toml")


@pytest.mark.parametrize("objective", ["front", "accuracy"])
def test_a_weight_that_nothing_weighs(objective: str) -> None:
    message = refusal({"objective": objective, "sparsity_weight": 0.5})
    assert "--sparsity-weight" in message
    assert objective in message
    assert "add --objective weighted" in message


# Identity


@pytest.mark.parametrize("name", StudyConfig.options(Scope.IDENTITY))
def test_identity_changes_with_each_of_its_fields(name: str) -> None:
    before = {"objective": "weighted"} if name == "sparsity_weight" else {}
    before |= {"sparsity": "zeros"} if name == "objective" else {}  # Its default depends on the objective.
    changed = identity(**before | {name: OTHER[name]})
    known = identity(**before)
    assert {key for key in {**known, **changed} if (key in known, known.get(key)) != (True, changed.get(key))} == {name}
    assert digest(changed) != digest(identity(**before))


def test_identity_changes_with_the_data_and_the_space() -> None:
    config = StudyConfig()
    known = config.identity(fingerprint="a", space_text="b")
    for changed in (
        config.identity(fingerprint="A", space_text="b"),
        config.identity(fingerprint="a", space_text="B"),
    ):
        assert changed != known
        assert digest(changed) != digest(known)


@pytest.mark.parametrize("name", StudyConfig.options(Scope.RUN, Scope.PLACE))
def test_identity_does_not_change_with(name: str) -> None:
    """The data and the space enter by their content, not by what they are called."""
    assert identity(**{name: OTHER[name]}) == identity()


def test_every_option_declares_its_scope() -> None:
    assert {*StudyConfig.options(Scope.IDENTITY, Scope.RUN, Scope.PLACE)} == {*StudyConfig.model_fields}


class LaterConfig(StudyConfig):
    """A configuration of some later version, which has one more option that makes another study."""

    later: Annotated[int, Option(scope=Scope.IDENTITY, absent_means=5)] = 6


def test_an_option_that_was_added_later_enters_the_identity_only_where_it_differs_from_earlier_studies() -> None:
    def later(value: int) -> dict[str, Any]:
        return LaterConfig(later=value).identity(fingerprint="f" * 64, space_text="[dropout]")

    assert later(5) == identity()
    assert digest(later(5)) == digest(identity())
    assert later(6) == identity() | {"later": 6}


def test_what_is_stored_with_a_study_says_nothing_of_one_run_or_its_secrets() -> None:
    stored = StudyConfig(storage="postgresql://me:secret@host/x", threads=1, ray="auto", workers=3).stored
    assert set(stored) == {
        *StudyConfig.options(Scope.IDENTITY, Scope.PLACE),
        "trials",
        "tolerance",
        "confirm",
        "variance",
        "device",
    } - {"storage"}


def test_workers_get_what_a_run_hands_on() -> None:
    assert StudyConfig(threads=1, workers=4, timeout=3).for_workers == {
        "device": "cpu",
        "threads": 1,
        "checkpoint_every": 60.0,
    }


@pytest.mark.parametrize("objective", ["front", "accuracy"])
def test_the_weight_of_sparsity_matters_to_the_weighted_objective_only(objective: str) -> None:
    assert identity(objective=objective, sparsity_weight=0.5) == identity(objective=objective)


def test_the_same_value_written_in_another_way_is_the_same_study() -> None:
    assert identity(hidden="64,64", learning_rate="1e-3", seeds="3") == identity()
    assert identity(learning_rate=1) == identity(learning_rate=1.0)


def test_identity_survives_the_database() -> None:
    known = identity(min_accuracy=1 / 3, hidden="7,5")
    assert json.loads(json.dumps(known)) == known


def test_digest() -> None:
    known = identity()
    written = json.dumps(known, sort_keys=True).encode()
    assert digest(known) == hashlib.sha256(written).hexdigest()[:6]
    assert digest(dict(reversed(known.items()))) == digest(known)


def test_digest_is_the_same_in_every_process() -> None:
    code = (
        "from study.config import StudyConfig, digest\n"
        "print(digest(StudyConfig(hidden='7,5', objective='weighted').identity(fingerprint='é', space_text='b')))"
    )
    ours = StudyConfig(hidden="7,5", objective="weighted").identity(fingerprint="é", space_text="b")
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == digest(ours), done.stderr
