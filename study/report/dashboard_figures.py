"""Figures and advice for the dashboard, which need nothing but the database: no data, no training, nothing written."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from storage import CohortStorage
from study.comparison.summary import summarize_stored
from study.problem import Comparison, Search, kind_of
from study.records.attributes import IDENTITY
from study.records.own_trials import NoResultsError
from study.report.captions import without_points
from study.report.comparison_page import answer, comparison_sections
from study.report.plot import Panel, Section
from study.report.search_data import SearchData
from study.report.search_page import search_sections
from study.search.description import as_trained, describe
from study.search.from_database import StoredSearch
from study.search.recommendation import regret_text, rule_text
from study.wording import markdown

_MOST_POINTS = 1000
"""Trials that a figure of the dashboard draws at most: it sends all figures with every answer."""


def dashboard_content(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> tuple[list[Panel], str]:
    """Figures of a study, and its answer as Markdown; nothing where it has no results, or is none of ours.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        trials: All its trials.
    """
    identity = storage.get_study_system_attrs(study_id).get(IDENTITY)
    if identity is None:
        return [], ""
    sections, note = _READERS[kind_of(identity)](storage, study_id, trials)
    for section in sections:
        for panel in section.panels:
            panel.figure.update_layout(title={"text": section.title, "font": {"size": 14}}, margin={"t": 40})
    return [panel for section in sections for panel in section.panels], note


def _comparison(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> tuple[list[Section], str]:
    try:
        summary = summarize_stored(storage, study_id)
    except NoResultsError as error:
        return [], markdown(str(error))
    return comparison_sections(summary), "\n\n".join(map(markdown, answer(summary)))


def _search(storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial]) -> tuple[list[Section], str]:
    search = StoredSearch.read(storage, study_id)
    if search is None:
        return [], ""
    own = search.own(trials)
    try:
        data = SearchData(search.config, search.front(own), own, _MOST_POINTS)
    except NoResultsError:
        return [], ""
    return search_sections(data, storage, study_id, trials), advice_note(data)


def advice_note(data: SearchData) -> str:
    """What to use, and how it compares with the baseline, as Markdown."""
    chosen, baseline, config = data.front.recommended, data.front.baseline, data.config
    metric = config.judged_by
    lines = [
        f"**Use trial {chosen.number}**: {markdown(describe(chosen.hyperparameters))}: validation {config.score} "
        f"{metric.text(chosen.score)}, sparsity {100 * chosen.sparsity:.1f} %."
    ]
    if config.clamps:
        text = as_trained(chosen.plain_score, chosen.score, config)
        lines.append(f"{markdown(text[0].upper() + text[1:])}.")
    if baseline is not None and baseline.number != chosen.number:
        difference, error = chosen.difference(baseline)
        paired = "" if error is None else f"{metric.plus_minus(error)} (paired standard error)"
        lines.append(
            f"Against the baseline: {metric.signed(difference)}{paired}{metric.points} of {config.score}, "
            f"{100 * (chosen.sparsity - baseline.sparsity):+.1f} pp of sparsity."
        )
    lines.append(
        f"It is {data.front.basis}. These figures are those of the search's seeds: expect slightly worse on new ones."
    )
    expected = regret_text(data.front.regret, metric)
    lines.append(". ".join(f"{text[0].upper()}{text[1:]}" for text in (rule_text(config), expected) if text) + ".")
    if text := without_points(data).strip():
        lines.append(f"In our figures: {text}")
    lines.append(
        "Hyperparameter importance on this page is PED-ANOVA: what tells the best trials from the others that were "
        "trained to the end. `reluctant report` says what share of the variation each hyperparameter accounts for."
    )
    return "\n\n".join(lines)


_READERS = {Search: _search, Comparison: _comparison}
