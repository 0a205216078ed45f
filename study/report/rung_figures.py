"""The figure of a search whose trials are stopped early: who was stopped where, and what that may have cost."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
from optuna.trial import FrozenTrial, TrialState

from study.objectives import objective_names
from study.records.own_trials import OwnTrial
from study.records.rung_results import rung_results
from study.report.palette import INK, RECOMMENDED
from study.report.plot import SPARSITY, Panel, Section, figure
from study.report.search_data import SearchData
from study.training.rungs import RungResult

_WENT_ON = "#2277dd"
_MOST_NAMED = 5
"""Stopped trials that were trained to the end later, of which the caption says what they are worth."""

AtRung = list[tuple[FrozenTrial, RungResult]]


def stopping(data: SearchData, trials: Sequence[FrozenTrial]) -> Section | None:
    """Who reached each rung, and who was stopped there; None where no trial competed.

    Args:
        data: The search.
        trials: All its trials, with their attributes.
    """
    at_rungs: dict[int, AtRung] = defaultdict(list)
    for trial in trials:
        for epoch, result in rung_results(trial).items():
            at_rungs[epoch].append((trial, result))
    if not at_rungs:
        return None
    stopped = {trial.number: max(rung_results(trial)) for trial in trials if is_stopped(trial)}
    whole = {_key(trial.params): trial for trial in data.own}
    later = {
        trial.number: whole[_key(trial.params)] for trial in trials if is_stopped(trial) and _key(trial.params) in whole
    }
    panels = [
        Panel(f"stopping-{epoch}", _rung(data, epoch, at_rungs[epoch], stopped, later)) for epoch in sorted(at_rungs)
    ]
    competed = len(at_rungs[min(at_rungs)])
    plane = f" and its sparsity ({SPARSITY[data.config.sparsity]})" if data.config.objective == "front" else ""
    return Section(
        "stopping",
        "Who was stopped where",
        f"Of {competed:,} trials that competed, {len(stopped):,} were stopped early. Each figure is a rung, each point "
        f"a trial that reached it: its {_score_name(data)}{plane} there, on the validation part, and over the seeds "
        f"that it had by then. In a bracket, the best go on by the front that they lie on, feasible ones "
        f"first. {_worth(data, stopped, later)}",
        tuple(panels),
        tuple(_row(data, epoch, at_rungs[epoch], stopped) for epoch in sorted(at_rungs)),
    )


def is_stopped(trial: FrozenTrial) -> bool:
    """Whether a trial was stopped at a rung, and not by another program."""
    return trial.state is TrialState.PRUNED and bool(rung_results(trial))


def _key(params: Mapping[str, object]) -> str:
    return json.dumps(params, sort_keys=True)


def _rung(
    data: SearchData, epoch: int, reached: AtRung, stopped: Mapping[int, int], later: Mapping[int, OwnTrial]
) -> go.Figure:
    """The figure of one rung."""
    two = data.config.objective == "front"
    x_title = f"{SPARSITY[data.config.sparsity]}, %" if two else "trial"
    chart = figure(f"{x_title}, at epoch {epoch}", _score_title(data))
    step = -(-len(reached) // data.most_points) or 1
    for name, colour, symbol, here in (
        ("stopped here", INK, "circle-open", True),
        ("went on", _WENT_ON, "circle", False),
    ):
        shown = [pair for pair in reached if (stopped.get(pair[0].number) == epoch) is here][::step]
        chart.add_scatter(
            x=[_x(result.values, trial.number) for trial, result in shown],
            y=[_score(data, result.values) for _, result in shown],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 7, "opacity": 0.8},
            text=[_hover(trial, result) for trial, result in shown],
            hovertemplate="%{text}<br>%{y:.4g}<extra></extra>",
        )
    for index, (trial, result) in enumerate(
        (t, r) for t, r in reached if stopped.get(t.number) == epoch and t.number in later
    ):
        whole = later[trial.number]
        chart.add_scatter(
            x=[_x(result.values, trial.number), _x(whole.values, trial.number)],
            y=[_score(data, result.values), _score(data, whole.values)],
            mode="lines+markers",
            name="trained to the end later",
            legendgroup="later",
            showlegend=index == 0,
            line={"color": RECOMMENDED, "width": 1, "dash": "dot"},
            marker={"color": RECOMMENDED, "symbol": "star", "size": [1, 11]},
            text=[_hover(trial, result), f"trial {whole.number}: the same, at its end"],
            hovertemplate="%{text}<br>%{y:.4g}<extra></extra>",
        )
    return chart


def _x(values: Sequence[float], number: int) -> float:
    """The sparsity, where there are two objectives; else the trial's number."""
    return float(f"{100 * values[1]:.6g}") if len(values) > 1 else number


def _score(data: SearchData, values: Sequence[float]) -> float:
    """The first objective as people read it."""
    if data.config.objective == "weighted":
        return float(f"{values[0]:.6g}")
    return float(f"{data.config.judged_by.number(values[0]):.6g}")


def _score_name(data: SearchData) -> str:
    """What the first objective is called."""
    weighted = data.config.objective == "weighted"
    return objective_names(data.config)[0] if weighted else f"validation {data.config.score}"


def _score_title(data: SearchData) -> str:
    weighted = data.config.objective == "weighted"
    return _score_name(data) if weighted else data.config.judged_by.titled(_score_name(data))


def _hover(trial: FrozenTrial, result: RungResult) -> str:
    params = ", ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in trial.params.values())
    return escape(f"trial {trial.number}: {params}") + ("" if result.violation <= 0 else "<br>infeasible here")


def _row(data: SearchData, epoch: int, reached: AtRung, stopped: Mapping[int, int]) -> dict[str, str]:
    """A row of the table below: how many reached a rung, and the best scores of both kinds."""
    here = [result for trial, result in reached if stopped.get(trial.number) == epoch]
    on = [result for trial, result in reached if stopped.get(trial.number) != epoch]

    def best(results: Sequence[RungResult]) -> str:
        feasible = [result.values for result in results if result.violation <= 0]
        return f"{_score(data, max(feasible)):.4g}" if feasible else "–"

    return {
        "after epoch": str(epoch),
        "reached by": f"{len(reached):,}",
        "stopped": f"{len(here):,}",
        "best stopped": best(here),
        "best that went on": best(on),
    }


def _worth(data: SearchData, stopped: Mapping[int, int], later: Mapping[int, OwnTrial]) -> str:
    """What stopped trials would have been worth, where they were trained to the end after all."""
    if not later:
        return (
            "What the stopped ones would have been worth is known of none: whoever enqueues the parameters of one, as "
            "with `enqueue_trial` of Optuna, has it trained to the end."
        )
    front = {trial.number for trial in data.front.members}
    parts = [
        f"trial {number}, stopped at epoch {stopped[number]}, is worth {data.config.judged_by.text(whole.score)} and "
        f"{100 * whole.sparsity:.1f} % (trial {whole.number}{', on the front' if whole.number in front else ''})"
        for number, whole in list(later.items())[:_MOST_NAMED]
    ]
    more = f", and {len(later) - _MOST_NAMED} more" if len(later) > _MOST_NAMED else ""
    lost = len({whole.number for whole in later.values()} & front)
    return (
        f"Of the stopped ones {len(later):,} were trained to the end later, and {lost:,} of these are on the front: "
        f"{'; '.join(parts)}{more}."
    )
