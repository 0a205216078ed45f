"""Networks of users that raise in training: their trials fail, with the reason, and too many of them end a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import torch

from reluctant.errors import ReluctantError
from reluctant.exit_codes import FAILED
from search_spaces.architectures import Architecture
from search_spaces.user_networks import what_was_raised

_NO_MEMORY = ("can't allocate memory", "not enough memory", "CUDA out of memory")
"""What torch says in errors that have no kind of their own."""
MOST_FAILURES = 5
"""So many trials in a row whose networks raise end a run."""


class UserCodeError(Exception):
    """A user's network raised; the text is the reason, in one line."""


class NetworkFailedError(ReluctantError, RuntimeError):
    """Networks of a user raised in training.

    Attributes:
        failures: The reason by the trial's index in its cohort.
    """

    exit_code = FAILED

    def __init__(self, text: str, failures: Mapping[int, str]) -> None:
        super().__init__(text, failures)
        self.failures = dict(failures)

    def __str__(self) -> str:
        return str(self.args[0])

    @classmethod
    def of(cls, in_a_row: int, reason: str, failures: Mapping[int, str]) -> Self:
        """The error of so many trials in a row, for the reason of one of them."""
        row = "a trial's network" if in_a_row == 1 else f"the networks of {in_a_row} trials in a row"
        return cls(f"{row} raised in training: {reason}; mend the function, which makes a new study", failures)


@contextmanager
def user_code(architecture: Architecture) -> Iterator[None]:
    """Turns what a user's network raises into a `UserCodeError`; errors of our own architectures stay what they are.

    So do errors of too little memory: they are the machine's, and another one may train the same trial.
    """
    if architecture.user is None:
        yield
        return
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = (
            str(error) if isinstance(error, ReluctantError) else what_was_raised(error, architecture.user.source.file)
        )
        raise UserCodeError(reason) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, in Python, in torch on the processor, or on a GPU.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes"))
        (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)


def check_failures(failures: Mapping[int, str], most: int) -> None:
    """Ends a training where too many trials in a row failed.

    Args:
        failures: The reason by the trial's index in its cohort, of those that failed so far.
        most: Trials in a row whose networks may raise, less one.

    Raises:
        NetworkFailedError: So many failed.
    """
    if longest_row(sorted(failures)) >= most:
        raise NetworkFailedError.of(most, failures[min(failures)], failures)


def longest_row(numbers: Sequence[int]) -> int:
    """The length of the longest row of consecutive numbers.

    Args:
        numbers: Numbers in ascending order.

    Example:
        >>> longest_row([1, 2, 4, 5, 6]), longest_row([])
        (3, 0)
    """
    longest = row = 0
    for place, number in enumerate(numbers):
        row = row + 1 if place and numbers[place - 1] == number - 1 else 1
        longest = max(longest, row)
    return longest
