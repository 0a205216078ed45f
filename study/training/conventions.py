"""What this version measures otherwise than earlier ones, whose studies keep their own conventions."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_CONVENTIONS = 1
"""Of the studies that store no version of their conventions."""
_FULL_MEASURES = 2
"""The last ones under which a search measures on whole parts."""
_ALL_AT_RUNGS = 3
"""The last ones under which all measures of layers are taken at a rung."""
CONVENTIONS = 4
"""Of new studies."""


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """How a study measures where versions of reluctant differ.

    Attributes:
        version: 1 keeps an official test part in the order of its files, whose first 8,192 rows are measured, and lets
            every sample count 1/N in the floor. 2 draws that order, and lets a sample count what it is worth. 3
            measures in searches the score on the training part and the norms of gradients on a sample of fixed size. 4
            takes at a rung only those measures of layers that are counted without sorting activations.

    Example:
        >>> Conventions(version=FIRST_CONVENTIONS).draws_test_part, Conventions().draws_test_part
        (False, True)
    """

    version: int = CONVENTIONS

    @property
    def draws_test_part(self) -> bool:
        """Whether the rows of an official test part are in random order."""
        return self.version > FIRST_CONVENTIONS

    @property
    def samples_measures(self) -> bool:
        """Whether a search measures the score on the training part and the norms of gradients on a sample."""
        return self.version > _FULL_MEASURES

    @property
    def counts_at_rungs(self) -> bool:
        """Whether at a rung only those measures of layers are taken that are counted, where these suffice to judge."""
        return self.version > _ALL_AT_RUNGS

    @property
    def weighs_samples(self) -> bool:
        """Whether the floor is to be beaten by what one sample is worth under the study's metric, or by 1/N."""
        return self.version > FIRST_CONVENTIONS
