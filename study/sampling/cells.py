"""The fixed list of a comparison: the cells of its designs, in their order."""

from __future__ import annotations

from typing import Any, ClassVar

from study.sampling.base import CohortSampler


class Cells(CohortSampler):
    """Proposes the cell that belongs to each trial number."""

    is_fixed_list: ClassVar[bool] = True

    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials; see `CohortSampler.cohort`."""
        return [dict(self.study.cells[number]) for number in numbers]
