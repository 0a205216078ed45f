"""The trials that a study trained itself, as its database has them."""

from __future__ import annotations

from reluctant.errors import ReluctantError


class NoResultsError(ReluctantError, LookupError):
    """A study has nothing yet that the question could be answered from."""
