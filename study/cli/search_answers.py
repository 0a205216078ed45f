"""What a search answers, in front of a person: its front, its advice, a trained network."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from study.cli.console import Messages, print_front, print_rows
from study.records.open_study import OpenStudy
from study.search.advice import advice_rows, advise
from study.search.fresh_seeds import train_fresh
from study.search.from_database import StoredSearch
from study.search.front import Front
from study.search.held_out_scores import front_with_test
from study.search.recommendation import rule_text
from study.search.reference import ReferenceScore, reference_line, reference_rows, reference_scores
from study.search.rows import front_rows


def find_and_print_front(
    study: OpenStudy, messages: Messages, form: str, *, stop: Callable[[], bool], with_reference: bool = False
) -> None:
    """Prints the front with test results, which are measured where they are not stored yet.

    Args:
        study: A search.
        messages: Prints lines on stderr.
        form: `table`, `json` or `csv`.
        stop: Asked at every step of training.
        with_reference: Whether the reference models are trained where they are not yet.

    Raises:
        Interrupted: `stop` returned true while the front was trained for its test results.
        KindError: The study is a comparison.
    """
    search = StoredSearch.of(study)
    front = front_with_test(study, search.front(search.contenders()), stop=stop)
    if with_reference:
        train_reference(study, messages, stop=stop)
    show_front(search, front, messages, form)


def show_front(search: StoredSearch, front: Front, messages: Messages, form: str) -> None:
    """Prints a front, what the reference models reach where they were trained, and what to know about it.

    Args:
        search: The search.
        front: Its front with test results.
        messages: Prints lines on stderr.
        form: `table`, `json` or `csv`.
    """
    rows = front_rows(front, search.config, search.space)
    print_front(rows, search.config, form, messages, reference=search.reference())
    say_where_curves_rise(search, front, messages)


def train_reference(study: OpenStudy, messages: Messages, *, stop: Callable[[], bool]) -> tuple[ReferenceScore, ...]:
    """The scores of the reference models, and a line on stderr where these are trained first.

    Raises:
        Interrupted: `stop` returned true while they were trained.
    """
    if not StoredSearch.of(study).reference():
        models = study.search.config.what_is_learned.reference_models
        messages.info(f"training for reference, once for this study: {', '.join(model.text for model in models)}")
    return reference_scores(study, stop=stop)


def say_where_curves_rise(search: StoredSearch, front: Front, messages: Messages) -> None:
    """Prints on stderr that a front's networks were still getting better at the last epoch, where they were."""
    if (text := search.rising_text(front)) is not None:
        messages.info(text)


def print_advice(study: OpenStudy, messages: Messages, form: str, *, stop: Callable[[], bool]) -> None:
    """Prints on stdout what to use, and on stderr how to read it.

    Raises:
        Interrupted: `stop` returned true while the front was trained on fresh seeds.
        KindError: The study is a comparison.
    """
    from study.comparison.elsewhere import elsewhere  # half a second of imports, which no other command here needs

    config, search = study.search.config, StoredSearch.of(study)
    front = train_fresh(study, stop=stop, log=messages.info)
    found = advise(front, config, elsewhere(study.problem, front.recommended.searched.hyperparameters))
    reference = train_reference(study, messages, stop=stop)
    best = found.front.recommended
    if form == "table":
        line = reference_line(reference, best.searched.number, best.score, config.judged_by)
        print("\n".join([*found.lines, *([line] if line is not None else [])]))
    else:
        rows = advice_rows(found, config)
        print_rows([*rows, *reference_rows(reference, list(rows[0]), config.metric)], form)
    messages.info(f"{rule_text(config)}; it is so from now on in front, export, report and dashboard")
    messages.info(
        "intervals: 95 %, paired over seeds by which nothing was chosen, on the study's test part; ± is the standard "
        "error from the drawing of that part"
    )
    say_where_curves_rise(search, search.front(search.contenders()), messages)


def export_model_and_print(
    study: OpenStudy, messages: Messages, trial: str, folder: str, *, clamp: bool, stop: Callable[[], bool]
) -> None:
    """Writes the model of a trial, and prints on stderr what it is and how to use it.

    Raises:
        Interrupted: `stop` returned true; nothing was written.
        KindError: The study is a comparison.
    """
    from study.model import export_model

    path, model = export_model(study, trial, folder, clamp=clamp, stop=stop)
    origin = model.origin
    scores = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in origin["scores"].items())
    messages.info(f"trial {origin['trial']}, replicate {origin['replicate']} in {path}: {scores}")
    if study.search.config.clamps and not clamp:
        messages.info("it is the network as it was trained; --clamp sets its activations near zero to 0")
    if not (path / "model.onnx").exists():
        messages.info("without ONNX; for that, pip install 'reluctant[onnx]'")
    messages.info(f"predict with: reluctant predict {shlex.quote(folder)} DATA.csv")
