"""Text that several commands, the report and the dashboard share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def numbers_in_short(numbers: Sequence[int]) -> str:
    """Trial numbers in short, neighbours joined.

    Example:
        >>> numbers_in_short([3, 4, 5, 9])
        'trials 3-5, 9'
    """
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    joined = ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
    return f"trial{'s' if len(numbers) != 1 else ''} {joined}"


def epochs_text(epochs: int, patience: int | None) -> str:
    """For how many epochs a network is trained.

    Args:
        epochs: The most that it gets.
        patience: It ends so many epochs after its best one; None: it gets all.

    Example:
        >>> epochs_text(30, None), epochs_text(30, 5)
        ('30 epochs', 'at most 30 epochs with a patience of 5')
    """
    return f"{epochs} epochs" if patience is None else f"at most {epochs} epochs with a patience of {patience}"


def seeds_text(seeds: int, folds: int | None = None, *, kind: str = "") -> str:
    """How many seeds, and under cross-validation on how many folds each.

    Args:
        seeds: Seeds.
        folds: Folds of the cross-validation; None: there is none.
        kind: An adjective.

    Example:
        >>> seeds_text(1), seeds_text(2, 5, kind="fresh")
        ('one seed', '2 fresh seeds x 5 folds')
    """
    number = "one" if seeds == 1 else str(seeds)
    text = " ".join(filter(None, (number, kind, "seed" if seeds == 1 else "seeds")))
    return text if folds is None else f"{text} x {folds} folds"


def markdown(text: str) -> str:
    """Text that Markdown, as the dashboard's notes are written in, shows as it is."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]<>()#+!|" else character for character in text)


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction in per cent, without the sign; a dash where there is none.

    Example:
        >>> percent(0.98765), percent(None)
        ('98.77', '–')
    """
    return "–" if value is None or value != value else f"{100 * value:.{digits}f}"


def signed(value: float) -> str:
    """A difference with its sign, to two digits; what is rounded to nothing has none.

    Example:
        >>> signed(0.314), signed(-0.5), signed(-1e-15)
        ('+0.31', '-0.50', '0.00')
    """
    text = f"{value:+z.2f}"
    return text.lstrip("+") if not float(text) else text


def signed_range(bounds: tuple[float, float]) -> str:
    """An interval of differences.

    Example:
        >>> signed_range((-0.001, 1.5))
        '0.00 … +1.50'
    """
    return f"{signed(bounds[0])} … {signed(bounds[1])}"


def plus_minus(error: float | None) -> str:
    """The standard error of a fraction in percentage points, to stand behind its value; empty where there is none.

    Example:
        >>> plus_minus(0.0123)
        ' ± 1.23'
    """
    return "" if error is None else f" ± {100 * error:.2f}"


def value_text(value: Any) -> str:
    """A value as the cell of a table: numbers to three significant digits, a dash for None."""
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
