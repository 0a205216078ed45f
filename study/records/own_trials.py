"""The trials that a study trained itself, as its database has them."""

from __future__ import annotations

from reluctant.errors import ReluctantError
from reluctant.exit_codes import FAILED


class NoResultsError(ReluctantError, LookupError):
    """A study has nothing yet that the question could be answered from."""

    exit_code = FAILED
