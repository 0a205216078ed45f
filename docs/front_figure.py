"""Draws docs/front.svg: every trial of a study, its front, the recommended trial and the baseline.

python docs/front_figure.py reluctant.db STUDY   (needs kaleido and a Chrome or Chromium beside what is installed)
"""

from __future__ import annotations

import sys
from pathlib import Path

import plotly.graph_objects as go

from storage import open_storage
from study.analysis import find_front
from study.analysis.front import Candidate
from study.saved import BY_SEED, IDENTITY_DIGEST, saved_config


def main() -> None:
    """Reads the study that the command line names and writes the figure beside this file."""
    storage = open_storage(sys.argv[1], create=False)
    study_id = storage.study_id(sys.argv[2])
    config = saved_config(storage, study_id)
    assert config is not None
    trials = storage.read_trials(study_id)
    identity = trials[0].system_attrs[IDENTITY_DIGEST]
    front = find_front(trials, config, sys.argv[2], identity)
    candidates = [Candidate.of(trial, config) for trial in trials if BY_SEED in trial.system_attrs]
    figure = go.Figure()
    for activation in dict.fromkeys(candidate.params["activation"] for candidate in candidates):
        members = [candidate for candidate in candidates if candidate.params["activation"] == activation]
        _points(figure, members, activation, size=7, opacity=0.6)
    figure.add_scatter(
        x=[100 * member.sparsity for member in front.members],
        y=[100 * member.accuracy for member in front.members],
        mode="lines",
        line={"color": "#333", "width": 1.5},
        name="front",
    )
    _points(figure, [front.recommended], "recommended", size=16, symbol="star", color="#d62728")
    assert front.baseline is not None
    _points(figure, [front.baseline], "baseline", size=12, symbol="x", color="#111")
    lowest = min(candidate.accuracy for candidate in front.members) - 0.03
    figure.update_layout(
        template="simple_white",
        width=760,
        height=420,
        margin={"l": 60, "r": 20, "t": 10, "b": 50},
        xaxis_title="activations near zero, % (mean over seeds)",
        yaxis_title="validation accuracy, %",
        yaxis_range=[100 * lowest, 100 * front.members[0].accuracy + 0.5],
    )
    figure.write_image(Path(__file__).with_name("front.svg"))
    storage.close()


def _points(figure: go.Figure, members: list[Candidate], name: str, **marker: object) -> None:
    figure.add_scatter(
        x=[100 * member.sparsity for member in members],
        y=[100 * member.accuracy for member in members],
        mode="markers",
        name=name,
        marker=marker,
    )


if __name__ == "__main__":
    main()
