"""What an option says of itself: what another value changes, and whether it is stored and handed on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from reluctant.errors import ReluctantError


def one_of(names: Iterable[str]) -> str:
    """The names that an option may have, as its help lists them.

    Example:
        >>> one_of(["tpe", "qmc", "random"]), one_of(["accuracy", "balanced_accuracy"])
        ('tpe, qmc, or random', 'accuracy, or balanced_accuracy')
    """
    *others, last = names
    return ", ".join([*others, f"or {last}"]) if others else last


class ConfigError(ReluctantError, ValueError):
    """An option that makes no sense."""


class Scope(Enum):
    """What another value of an option changes."""

    IDENTITY = "identity"
    """It makes another study."""
    RUN = "run"
    """It makes another run of the same study."""
    PLACE = "place"
    """It says where the study, its data or its space are found; what is found there belongs to the identity."""


_ALWAYS_IN_THE_IDENTITY = object()


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a field of `StudyConfig` says of itself, beside its type, default and description.

    Attributes:
        scope: What another value changes.
        stored: Whether the value is stored with a study and used again when it is resumed.
        for_workers: Whether the value is handed on to the workers that a run starts.
        absent_means: For an option of the identity that was added after version 0.1: the value that studies without
            it have. The option enters the identity only where it differs from this value, so that the digest, the
            default name and the checkpoints of earlier studies stay what they are.
    """

    scope: Scope
    stored: bool = True
    for_workers: bool = False
    absent_means: Any = _ALWAYS_IN_THE_IDENTITY

    @property
    def where_absent(self) -> Any:
        """The value of a study whose identity lacks the option, for a reader."""
        nameless = self.absent_means is None or self.absent_means is _ALWAYS_IN_THE_IDENTITY
        return "the default" if nameless else self.absent_means

    def in_identity(self, value: Any) -> bool:
        """Whether this option, with a value in JSON's types, belongs to a study's identity."""
        return self.scope is Scope.IDENTITY and (
            self.absent_means is _ALWAYS_IN_THE_IDENTITY or value != self.absent_means
        )
