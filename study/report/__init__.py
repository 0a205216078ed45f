"""The report: figures of a study, and one self-contained page around them.

`search_page` and `comparison_page` gather the sections of a report from the `*_figures` modules, `page` renders them as
HTML, and `write` writes the file. `dashboard_figures` gives the same sections to the dashboard from the database alone.
"""

from __future__ import annotations

from study.report.write import check_report, write_report

__all__ = ["check_report", "write_report"]
