"""The report of a search: what to use, and what the trials look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from optuna.trial import FrozenTrial

from search_spaces import Hyperparameters
from storage import CohortStorage
from study.config import StudyConfig
from study.records.open_study import OpenStudy
from study.report import rung_figures, search_figures, training_figures
from study.report.captions import tried_text
from study.report.page import Page
from study.report.plot import SPARSITY, Section
from study.report.prediction_figures import prediction_section
from study.report.provenance import provenance
from study.report.search_data import SearchData, importances
from study.search.description import as_trained, describe
from study.search.from_database import StoredSearch
from study.search.front import Front
from study.search.held_out_scores import front_with_test
from study.search.recommendation import regret_text, rule_text
from study.search.reference import reference_line, reference_scores
from study.search.rows import front_cells, front_rows


def search_page(study: OpenStudy, *, stop: Callable[[], bool] = lambda: False) -> Page:
    """Everything that the report of a search says.

    Raises:
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
        Interrupted: `stop` said so while the front was trained for its test results.
    """
    search, storage = StoredSearch.of(study), study.storage
    trials = storage.read_trials(study.study_id)
    own = search.own(trials)
    stopped = sum(map(rung_figures.is_stopped, trials))
    front = front_with_test(study, search.front(own), stop=stop)
    data = SearchData(search.config, front, own)
    reference = reference_scores(study, stop=stop)
    chosen = front.recommended
    compared_with = reference_line(reference, chosen.number, chosen.test_score, search.config.judged_by)
    compared = {trial.number for trial in (front.recommended, front.members[0], front.baseline) if trial is not None}
    front_section, *sections = search_sections(data, storage, study.study_id, trials, study.problem.layer_names)
    more = (
        training_figures.importance(importances(trials, search.identity, study.problem.judge.metric_names)),
        training_figures.curves(data, storage.learning_curves(study.study_id, numbers=compared)),
    )
    predictions = prediction_section(study, chosen, stop=stop)
    return Page(
        name=study.name,
        title=f"Which nonlinearity for {study.problem.dataset.name}?",
        subtitle=f"Study {study.name}, space {search.space.name}: {tried_text(own, stopped, data.seeds)}.",
        answer=[
            *answer(search.config, front),
            *_sentence(compared_with),
            *_sentence(search.rising_text(front)),
        ],
        sections=[
            _with_table(front_section, front, search),
            *sections,
            *([] if predictions is None else [predictions]),
            *more,
        ],
        facts=provenance(study),
    )


def search_sections(
    data: SearchData,
    storage: CohortStorage,
    study_id: int,
    trials: Sequence[FrozenTrial],
    names_of: Callable[[Hyperparameters], Sequence[str]] = lambda _: (),
) -> list[Section]:
    """The figures that the report and the dashboard show of a search, the front first.

    Args:
        data: The search.
        storage: Where it lives.
        study_id: Its id there.
        trials: All its trials.
        names_of: The names of the layers of a network, where they have any.
    """
    best = [trial.number for trial in data.best_by_activation.values()]
    sections = (
        search_figures.front(data),
        search_figures.by_activation(data),
        search_figures.slopes(data),
        search_figures.initializations(data),
        search_figures.dropout(data),
        rung_figures.stopping(data, trials),
        training_figures.layers(data, storage.layer_measures(study_id, numbers=best), names_of),
    )
    return [section for section in sections if section is not None]


def answer(config: StudyConfig, front: Front) -> list[str]:
    """What to use, why, and how far to trust it; a line each.

    Args:
        config: The study's configuration.
        front: The front, with or without test scores.
    """
    chosen, baseline, metric = front.recommended, front.baseline, config.judged_by
    unit = " %" if metric.percent else ""
    lines = [f"Use {describe(chosen.hyperparameters)} (trial {chosen.number})."]
    test = "" if chosen.test_score is None else f"{metric.text(chosen.test_score)} on the test part, "
    lines.append(
        f"Its {config.score} is {test}{metric.digits(chosen.score)}{metric.plus_minus(chosen.standard_error)}{unit} "
        f"on the validation part; {SPARSITY[config.sparsity]}: {100 * chosen.sparsity:.1f} %; dead units: "
        f"{100 * chosen.dead:.1f} %."
    )
    if config.clamps:
        lines += _sentence(as_trained(chosen.plain_score, chosen.score, config))
    if baseline is not None and baseline.number != chosen.number:
        difference, error = chosen.difference(baseline)
        on_test = ""
        if chosen.test_score is not None and baseline.test_score is not None:
            on_test = f" ({metric.difference_text(chosen.test_score - baseline.test_score)} on the test part)"
        sparser = 100 * (chosen.sparsity - baseline.sparsity)
        lines.append(
            f"Against the baseline ({describe(baseline.hyperparameters)}) that is {metric.signed(difference)}"
            f"{metric.plus_minus(error)}{metric.points}{on_test}, and {sparser:+.1f} pp of sparsity."
            + (" The baseline diverged: each seed that did counts as a constant guess." if baseline.diverged else "")
        )
    elif baseline is not None:
        lines.append("That is the baseline itself: nothing that was tried is worth a change.")
    lines.append(f"It is {front.basis}: {rule_text(config)}.")
    lines += _sentence(regret_text(front.regret, metric))
    lines.append(_caveat(config, front))
    return lines


def _caveat(config: StudyConfig, front: Front) -> str:
    members = len(front.members)
    others = f"The front has {members} trials; the table below names them. " if members > 1 else ""
    if config.replicates == 1:
        return f"{others}One seed gives no interval: run with --seeds 3 or more to know how sure this is."
    if front.confirmation is not None and not front.confirmation.unconfirmed:
        return (
            f"{others}± is the standard error over the search's {config.replicates_text}, on which trials look a "
            "little better than on new ones: `reluctant advise` has the figures of fresh seeds."
        )
    return (
        f"{others}± is the standard error over {config.replicates_text}. The trials were chosen on these seeds, "
        "so expect slightly worse on new ones: `reluctant advise` trains them on fresh seeds, and says what is left."
    )


def _sentence(text: str | None) -> list[str]:
    """A line of the command as a sentence of the page."""
    return [] if text is None else [f"{text[0].upper()}{text[1:]}."]


def _with_table(section: Section, front: Front, search: StoredSearch) -> Section:
    """A section with the table of the front below its figures."""
    rows = front_rows(front, search.config, search.space)
    cells = front_cells(rows, search.config)
    marked = [cell | {"class": row["role"]} for cell, row in zip(cells, rows, strict=True)]
    return replace(section, rows=tuple(marked))
