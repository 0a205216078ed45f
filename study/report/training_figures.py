"""The figures of a search's layers and learning curves, and of how much each hyperparameter mattered."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from statistics import fmean

from search_spaces import Hyperparameters
from study.report.captions import MEASURED, hopeless, not_kept, seeds_that_diverged, zero_gradients
from study.report.palette import INK, RECOMMENDED
from study.report.plot import LOSS_CURVE, SPARSITY, Panel, Section, band, dots, figure, learning_curves
from study.report.search_data import Importances, SearchData
from study.training.sampled import GRADIENT_SAMPLES, sampled

_BEST = "best score"


def layers(
    data: SearchData,
    rows: Sequence[Mapping[str, float]],
    names_of: Callable[[Hyperparameters], Sequence[str]] = lambda _: (),
) -> Section:
    """Sparsity, dead units and gradient norms from layer to layer, of each activation's best trial.

    Args:
        data: The search.
        rows: Layer measures of those trials, as the storage returns them.
        names_of: The names of the layers of a network, where they have any.
    """
    best = data.best_by_activation.values()
    lacking = not_kept("layer measures", best, {int(row["number"]) for row in rows})
    if not rows:
        return Section("layers", "Layer by layer", lacking.strip())
    panels, hidden = [], 0
    sampled_norm = sampled("gradient_norm_end")
    norm = sampled_norm if any(sampled_norm in row for row in rows) else "gradient_norm_end"
    few = f"; gradients on {GRADIENT_SAMPLES}, evenly spaced over the part" if norm == sampled_norm else ""
    names = {trial.number: tuple(names_of(trial.hyperparameters)) for trial in best}
    for name, label in (
        (data.config.sparsity, f"{SPARSITY[data.config.sparsity]}, %"),
        ("dead", "dead units, %"),
        (norm, "gradient norm after training"),
    ):
        chart = figure("layer", label)
        share = name != norm
        for activation, trial in data.best_by_activation.items():
            means = _by_layer(rows, trial.number, name)
            numbers = [
                f"{data.hover(trial)}<br>{_layer(layer, names[trial.number])}: {value:.4g}"
                for layer, value in means.items()
            ]
            values = [100 * value if share else value for value in means.values()]
            dots(chart, activation, list(means), values, numbers, mode="lines+markers", opacity=1.0)
            hidden += 0 if share else sum(value <= 0 for value in values)
        shared = set(names.values())
        if len(shared) == 1 and (ticks := shared.pop()):
            chart.update_xaxes(tickvals=[*range(1, len(ticks) + 1)], ticktext=[escape(name) for name in ticks])
        else:
            chart.update_xaxes(dtick=1)
        chart.update_yaxes(rangemode="tozero" if share else "normal", type="linear" if share else "log")
        panels.append(Panel(f"layers-{name.removeprefix(sampled('')).replace('_', '-')}", chart))
    return Section(
        "layers",
        "Layer by layer",
        f"The best feasible trial of each activation by validation {data.config.score}: the sparsity of each hidden "
        "layer, its share of units that are zero on every measured sample, and the norm of the loss' gradient by each "
        f"layer's weights, means over {data.seeds}, all of them on the first samples of the validation part, which is "
        f"in random order ({MEASURED}{few}). Layer 1 is next to the input; the last gradient is the output layer's."
        f"{zero_gradients(hidden)}{hopeless(data)}{lacking}",
        tuple(panels),
    )


def importance(found: Importances) -> Section:
    """How much each parameter matters for each objective.

    Args:
        found: As `importances` returns it.
    """
    values = found.shares
    if not values:
        return Section(
            "importance",
            "What mattered",
            f"{found.feasible:,} feasible trials, or trials that are all alike, do not say what mattered.",
        )
    fitted = f"{found.fitted:,} of " if found.fitted < found.feasible else ""
    total: dict[str, float] = {}
    for each in values.values():
        for name, known in each.items():
            total[name] = total.get(name, 0.0) + known.share
    names = sorted(total, key=lambda name: total[name])
    chart = figure("share of variation, %", "", height=110 + 44 * len(names))
    for (objective, each), colour in zip(values.items(), ("#2277dd", "#dd8800"), strict=False):
        chart.add_bar(
            y=[shown for shown in names if shown in each],
            x=[100 * each[shown].share for shown in names if shown in each],
            error_x={"type": "data", "array": [100 * each[shown].spread for shown in names if shown in each]},
            name=objective,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    return Section(
        "importance",
        "What mattered",
        "What share of the variation of each objective each hyperparameter accounts for by itself, by functional "
        f"ANOVA: a random forest is fitted to {fitted}the {found.feasible:,} feasible trials, and averaged evenly over "
        "the search space. What is missing to 100 % belongs to hyperparameters together. Bars are means over five "
        "forests, with their standard deviation; a forest knows little of what was seldom tried, and nothing of trials "
        "that are infeasible, diverged or were stopped early.",
        (Panel("importance-figure", chart),),
    )


def curves(data: SearchData, rows: Sequence[Mapping[str, object]]) -> Section:
    """Learning curves of the recommended trial, the best one by the metric, and the baseline.

    Args:
        data: The search.
        rows: Curves of those trials, as the storage returns them.
    """
    wanted = {"recommended": data.front.recommended, _BEST: data.front.members[0]}
    if data.front.baseline is not None:
        wanted["baseline"] = data.front.baseline
    shown = {name: each for name, each in wanted.items() if name != _BEST or each != wanted["recommended"]}
    colours = {"recommended": RECOMMENDED, _BEST: "#2277dd", "baseline": INK}
    panels, curves_of = [], {}
    task = data.config.what_is_learned
    for curve, label, factor in learning_curves(task):
        chart = figure("epoch", label)
        for name, trial in shown.items():
            own = [r["points"] for r in rows if (r["number"], r["name"]) == (trial.number, curve)]
            points = [[factor * float(value) for value in each] for each in own]  # type: ignore[attr-defined]
            line = f"{name} (trial {trial.number}, dropout {trial.hyperparameters.dropout:.3g})"
            if points or trial.diverged:
                curves_of[line] = len(points)
            if points:
                band(
                    chart,
                    line,
                    colours[name],
                    points,
                    dash="dot" if name == "baseline" else "solid",
                )
        if chart.data:
            panels.append(Panel(f"curves-{curve.replace('_', '-')}", chart))
    lacking = not_kept("learning curves", shown.values(), {row["number"] for row in rows})  # type: ignore[misc]
    if not panels:
        return Section("curves", "Learning", lacking.strip())
    spread = ", with the range over seeds behind" if data.config.replicates > 1 else ""
    return Section(
        "curves",
        "Learning",
        f"Validation {task.metrics[0].name} after each epoch, without dropout, and the training loss of each epoch, "
        f"means over {data.seeds}{spread}; {LOSS_CURVE}: compare it between equal dropout rates only. A validation "
        f"curve that still rises at its end asks for more epochs."
        f"{seeds_that_diverged(curves_of, data.config.replicates)}{lacking}",
        tuple(panels),
    )


def _layer(number: int, names: Sequence[str]) -> str:
    """A layer, counted from 1, in words."""
    return escape(names[number - 1]) if number <= len(names) else f"layer {number}"


def _by_layer(rows: Sequence[Mapping[str, float]], number: int, name: str) -> dict[int, float]:
    """Mean over replicates of a measure of each layer that has it, by layer counted from 1."""
    values: dict[int, list[float]] = {}
    for row in rows:
        if row["number"] == number and name in row and not math.isnan(row[name]):
            values.setdefault(int(row["layer"]) + 1, []).append(row[name])
    return {layer: fmean(each) for layer, each in sorted(values.items())}
