"""The report of a search: what to use, and what the trials look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from search_spaces import ACTIVATIONS
from study.config import digest
from study.records.open_study import OpenStudy
from study.report import search_figures, training_figures
from study.report.page import Page
from study.report.plot import SPARSITY, Section
from study.report.provenance import facts
from study.report.search_data import Found, importances
from study.search.front import Front
from study.search.held_out_scores import front_with_test
from study.search.rows import front_cells, front_rows


def search_page(study: OpenStudy, *, stop: Callable[[], bool] = lambda: False) -> Page:
    """Everything that the report of a search says.

    Raises:
        NoResultsError: No trial has finished, or none is feasible.
        Interrupted: `stop` said so while the front was trained for its test results.
    """
    problem, storage = study.problem, study.storage
    trials = storage.read_trials(study.study_id)
    front = front_with_test(study, trials, stop=stop)
    found = found_of(study, front, trials)
    best = [candidate.number for candidate in found.best_by_activation.values()]
    compared = {front.recommended.number, front.members[0].number, *([front.baseline.number] if front.baseline else [])}
    sections = [
        _with_table(search_figures.front(found), front, study),
        search_figures.by_activation(found),
        search_figures.slopes(found),
        search_figures.initializations(found),
        search_figures.dropout(found),
        training_figures.layers(found, storage.layer_measures(study.study_id, numbers=best)),
        training_figures.importance(importances(found, problem.judge.metric_names)),
        training_figures.curves(found, storage.learning_curves(study.study_id, numbers=compared)),
    ]
    return Page(
        name=study.name,
        title=f"Which nonlinearity for {problem.dataset.name}?",
        subtitle=f"Study {study.name}: {len(found.own)} trials of the space {problem.space.name}, "
        f"{problem.config.seeds} seeds each.",
        answer=answer(study, front),
        sections=[section for section in sections if section is not None],
        facts=facts(study),
    )


def found_of(study: OpenStudy, front: Front, trials: Sequence[FrozenTrial]) -> Found:
    """A search as its figures need it."""
    problem = study.problem
    return Found(
        name=study.name,
        config=problem.config,
        front=front,
        trials=trials,
        identity=digest(problem.identity),
        used=lambda params: problem.space.hyperparameters(params, problem.defaults),
    )


def answer(study: OpenStudy, front: Front) -> list[str]:
    """What to use, why, and how far to trust it; a line each."""
    config, chosen, baseline = study.problem.config, front.recommended, front.baseline
    lines = [f"Use {described(study, chosen.params)} (trial {chosen.number})."]
    test = "" if chosen.test is None else f"{100 * chosen.test:.2f} % on the test part, "
    lines.append(
        f"Its {config.metric} is {test}{100 * chosen.accuracy:.2f}{_error(chosen.standard_error)} % on the validation "
        f"part; {SPARSITY[config.sparsity]}: {100 * chosen.sparsity:.1f} %; dead units: {100 * chosen.dead:.1f} %."
    )
    if baseline is not None and baseline.number != chosen.number:
        difference, error = chosen.difference(baseline)
        on_test = ""
        if chosen.test is not None and baseline.test is not None:
            on_test = f" ({100 * (chosen.test - baseline.test):+.2f} pp on the test part)"
        sparser = 100 * (chosen.sparsity - baseline.sparsity)
        lines.append(
            f"Against the baseline ({described(study, baseline.params)}) that is {100 * difference:+.2f}"
            f"{_error(error)} pp{on_test}, and {sparser:+.1f} pp of sparsity."
        )
    elif baseline is not None:
        lines.append("That is the baseline itself: nothing that was tried is worth a change.")
    lines.append(_caveat(config.seeds, front))
    return lines


def described(study: OpenStudy, params: Mapping[str, Any]) -> str:
    """A configuration in words."""
    used = study.problem.space.hyperparameters(params, study.problem.defaults)
    words = [used.activation]
    if ACTIVATIONS[used.activation].slope == "fixed":
        words.append(f"slope {used.negative_slope:.3g}")
    words += [f"initialization {used.initialization}", f"dropout {used.dropout:.3g}" if used.dropout else "no dropout"]
    told = ("activation", "negative_slope", "initialization", "dropout")
    words += [f"{k.replace('_', ' ')} {_short(v)}" for k, v in params.items() if k not in told]
    return ", ".join(words)


def _caveat(seeds: int, front: Front) -> str:
    members = len(front.members)
    others = f"The front has {members} trials; the table below names them. " if members > 1 else ""
    if seeds == 1:
        return f"{others}One seed gives no interval: run with --seeds 3 or more to know how sure this is."
    return (
        f"{others}± is the standard error over {seeds} seeds. The trials were chosen on these seeds, so expect a "
        "little less on new ones: `reluctant advise` trains them on fresh seeds, and says what is left."
    )


def _with_table(section: Section, front: Front, study: OpenStudy) -> Section:
    config = study.problem.config
    rows = front_rows(front, study.problem)
    cells = front_cells(rows, config.metric, config.sparsity)
    marked = [cell | {"class": row["role"]} for cell, row in zip(cells, rows, strict=True)]
    return Section(section.id, section.title, section.sentence, section.panels, tuple(marked))


def _error(error: float | None) -> str:
    return "" if error is None else f" ± {100 * error:.2f}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
