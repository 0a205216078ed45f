"""The report: figures of a study, and one self-contained page around them."""

from __future__ import annotations

from study.report.write import check_report, write_report

__all__ = ["check_report", "write_report"]
