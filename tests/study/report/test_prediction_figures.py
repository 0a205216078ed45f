"""What the figures of predictions show: counts against scikit-learn, and a calibration that is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from study.report.prediction_figures import calibration, classification_section, confusion, regression_section


def test_the_confusion_matrix_is_scikit_learn_s() -> None:
    generator = np.random.default_rng(0)
    y, predictions = generator.integers(0, 4, 200), generator.integers(0, 4, (3, 200))
    expected = sum(confusion_matrix(y, row, labels=range(4)) for row in predictions)
    assert (confusion(predictions, y, 4) == expected).all()


def test_the_expected_calibration_error_of_planted_probabilities() -> None:
    """Nine tenths sure and half of the time right; and always right where it says so."""
    sure = np.tile([[0.9, 0.1]], (100, 1))
    y = np.arange(100) % 2
    assert calibration(sure[None], y).error == pytest.approx(0.4)
    assert calibration(np.eye(2)[y][None], y).error == 0.0
    mixed = np.concatenate([sure, np.eye(2)[y]])[None]
    known = calibration(mixed, np.concatenate([y, y]))
    assert known.error == pytest.approx(0.2)
    assert known.share.tolist() == [0.5, 0.5]


def test_a_section_names_the_error_and_shows_the_mean_counts() -> None:
    probabilities = np.tile([[0.9, 0.1]], (2, 100, 1))
    section = classification_section(probabilities, np.arange(100) % 2, ("no", "yes"))
    assert "Expected calibration error: 40.00 pp" in section.sentence
    matrix, reliability = section.panels
    assert [list(row) for row in matrix.figure.data[0].text] == [["50", "0"], ["50", "0"]]
    assert list(reliability.figure.data[1].y) == [50.0]


def test_residuals_are_those_of_every_seed() -> None:
    y = np.linspace(0, 10, 101)
    section = regression_section(np.stack([y - 1.0, y + 1.0]), y)
    against, spread = section.panels
    assert list(against.figure.data[1].x) == pytest.approx(list(y))
    assert sorted(set(np.round(spread.figure.data[0].x, 6))) == [-1.0, 1.0]
    assert "between -1 and 1" in section.sentence
