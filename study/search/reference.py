"""How well the reference models of a study's task do on its split: trained once, and stored with the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from threadpoolctl import threadpool_limits

from study.config import StudyConfig
from study.data.split import Part
from study.records.attributes import IDENTITY
from study.records.open_study import OpenStudy
from study.tasks import METRICS, Metric
from study.tasks.reference_models import ReferenceModel
from study.training import Interrupted

if TYPE_CHECKING:
    from storage import CohortStorage

REFERENCE = "reluctant:reference"
"""System attribute of a study: what its reference models reach.

Keys: `data`, the fingerprint of the data that they were trained on; `scores`, by model's name the study's metric on the
`validation` and on the `test` part.
"""


@dataclass(frozen=True)
class ReferenceScore:
    """What a reference model reaches on a study's split.

    Attributes:
        model: The model.
        validation: Metric on the validation part.
        test: Metric on the test part.
    """

    model: ReferenceModel
    validation: float
    test: float


def stored_reference(storage: CohortStorage, study_id: int, config: StudyConfig) -> tuple[ReferenceScore, ...]:
    """What the reference models of a study reach; empty where not all of them were trained on its data.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        config: Its configuration.
    """
    known = _stored_scores(storage.get_study_system_attrs(study_id))
    models = config.what_is_learned.reference_models
    if any(model.name not in known for model in models):
        return ()
    return tuple(ReferenceScore(model, **known[model.name]) for model in models)


def reference_scores(study: OpenStudy, *, stop: Callable[[], bool] = lambda: False) -> tuple[ReferenceScore, ...]:
    """What the reference models of a study's task reach; they are trained where that is not stored yet.

    They see the inputs of the networks: the training part of the same split after the same preprocessing, under
    cross-validation of each fold, over which their scores are means. Where the data have no test part there are none.

    Args:
        study: A search.
        stop: Asked between steps of training.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
    """
    config, splits = study.search.config, [prepared.split for prepared in study.search.prepared]
    if not len(splits[0].test):
        return ()
    known = _stored_scores(study.storage.get_study_system_attrs(study.study_id))
    for model in config.what_is_learned.reference_models:
        if model.name in known:
            continue
        # Without --threads, OpenMP's own default stands, which OMP_NUM_THREADS may have set.
        with threadpool_limits(config.threads):
            fitted = [_trained(model, split.training, config.seed, stop) for split in splits]
        pairs = list(zip(fitted, splits, strict=True))
        reached = {
            "validation": fmean(_score(each, split.validation, config.metric) for each, split in pairs),
            "test": fmean(_score(each, split.test, config.metric) for each, split in pairs),
        }
        _store(study, model, reached)
    return stored_reference(study.storage, study.study_id, config)


def reference_line(
    scores: Sequence[ReferenceScore], number: int, test_score: float | None, metric: Metric
) -> str | None:
    """One line: what the reference models reach on the test part, against a trial.

    Args:
        scores: What they reach.
        number: The trial's number.
        test_score: The score of the trial on the test part; None where it was not measured.
        metric: The study's metric.
    """
    if not scores:
        return None

    def against(score: ReferenceScore) -> str:
        if test_score is None:
            return ""
        return f" ({metric.difference_text(metric.score(score.test) - test_score)} against trial {number})"

    reached = ", ".join(
        f"{score.model.text} {metric.text(metric.score(score.test))}{against(score)}" for score in scores
    )
    return f"reference, on the same split and inputs, test {metric.name}: {reached}"


def reference_rows(scores: Sequence[ReferenceScore], columns: Sequence[str], metric: str) -> list[dict[str, Any]]:
    """One row a reference model, to stand below the rows of a front.

    Args:
        scores: What the models reach.
        columns: The columns of those rows; what has no meaning for a model is None.
        metric: The study's metric.
    """
    return [
        {
            **dict.fromkeys(columns),
            "role": "reference",
            "model": score.model.name,
            f"validation_{metric}" if f"validation_{metric}" in columns else metric: score.validation,
            f"test_{metric}": score.test,
        }
        for score in scores
    ]


def _trained(model: ReferenceModel, part: Part, seed: int, stop: Callable[[], bool]) -> Any:
    """The last one that training yields."""
    fitted = None
    for step in model.train(part.x.flatten(1).numpy(), part.y.numpy(), seed):
        if stop():
            raise Interrupted
        fitted = step
    return fitted


def _stored_scores(attributes: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    """The stored scores by model's name; empty where they are those of other data."""
    stored = attributes.get(REFERENCE)
    if stored is None or stored["data"] != attributes[IDENTITY]["data"]:
        return {}
    scores: Mapping[str, Mapping[str, float]] = stored["scores"]
    return scores


def _store(study: OpenStudy, model: ReferenceModel, scores: Mapping[str, float]) -> None:
    data = study.problem.identity["data"]

    def change(stored: Any, trials: int) -> dict[str, Any]:
        kept = stored["scores"] if stored is not None and stored["data"] == data else {}
        return {"data": data, "scores": {**kept, model.name: dict(scores)}}

    study.storage.change_study_attr(study.study_id, REFERENCE, change)


def _score(fitted: Any, part: Part, metric: str) -> float:
    judged = METRICS[metric]
    predict = fitted.predict_proba if judged.of_probabilities else fitted.predict
    predictions = torch.as_tensor(predict(part.x.flatten(1).numpy()))
    return float(judged.compute(predictions[None], part.y, part.weights)[0])
