"""The figures and the advice that need nothing but the database: no data, no training, nothing written."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from search_spaces import ACTIVATIONS
from storage import CohortStorage
from study.comparison.summary import stored_answers
from study.problem import Comparison, Search, kind_of
from study.records.attributes import IDENTITY
from study.records.own_trials import NoResultsError
from study.report import search_figures, training_figures
from study.report.comparison_figures import designs
from study.report.comparison_page import answer
from study.report.plot import Panel, Section
from study.report.search_data import Found
from study.report.verdict_figures import verdicts
from study.search.from_database import StoredSearch
from study.search.front import find_front
from study.wording import markdown


def stored(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> tuple[list[Panel], str]:
    """Figures of a study, and its answer as Markdown; nothing where it has no results, or is none of ours.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        trials: All its trials.
    """
    identity = storage.get_study_system_attrs(study_id).get(IDENTITY)
    if identity is None:
        return [], ""
    sections, answer = _READERS[kind_of(identity)](storage, study_id, trials)
    for section in sections:
        for panel in section.panels:
            panel.figure.update_layout(title={"text": section.title, "font": {"size": 14}}, margin={"t": 40})
    return [panel for section in sections for panel in section.panels], answer


def _comparison(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> tuple[list[Section], str]:
    try:
        found = stored_answers(storage, study_id)
    except NoResultsError as error:
        return [], markdown(str(error))
    return [verdicts(found.findings, found.level), *designs(found)], "\n\n".join(map(markdown, answer(found)))


def _search(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> tuple[list[Section], str]:
    found = _found(storage, study_id, trials)
    if found is None:
        return [], ""
    best = [candidate.number for candidate in found.best_by_activation.values()]
    sections = (
        search_figures.front(found),
        search_figures.by_activation(found),
        search_figures.slopes(found),
        search_figures.initializations(found),
        search_figures.dropout(found),
        training_figures.layers(found, storage.layer_measures(study_id, numbers=best)),
    )
    return [section for section in sections if section is not None], _advice(found)


def _found(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> Found | None:
    stored_search = StoredSearch.read(storage, study_id)
    if stored_search is None:
        return None
    try:
        front = find_front(trials, stored_search.config, stored_search.name, stored_search.identity)
    except NoResultsError:
        return None
    return Found(
        name=stored_search.name,
        config=stored_search.config,
        front=front,
        trials=trials,
        identity=stored_search.identity,
        used=lambda params: stored_search.space.hyperparameters(params, stored_search.config.defaults),
        most_points=1000,
    )


def _advice(found: Found) -> str:
    chosen, baseline, config = found.front.recommended, found.front.baseline, found.config
    used = found.used(chosen.params)
    slope = f", slope {used.negative_slope:.3g}" if ACTIVATIONS[used.activation].slope == "fixed" else ""
    lines = [
        f"**Use trial {chosen.number}**: {markdown(used.activation)}{slope}, initialization "
        f"{markdown(used.initialization)}, dropout {used.dropout:.3g}: validation {config.metric} "
        f"{100 * chosen.accuracy:.2f} %, sparsity {100 * chosen.sparsity:.1f} %."
    ]
    if baseline is not None and baseline.number != chosen.number:
        difference, error = chosen.difference(baseline)
        paired = "" if error is None else f" ± {100 * error:.2f} (paired standard error)"
        lines.append(
            f"Against the baseline: {100 * difference:+.2f}{paired} pp of {config.metric}, "
            f"{100 * (chosen.sparsity - baseline.sparsity):+.1f} pp of sparsity."
        )
    lines.append("Chosen on these seeds: expect a little less on new ones; `reluctant advise` says how much.")
    return "\n\n".join(lines)


_READERS = {Search: _search, Comparison: _comparison}
