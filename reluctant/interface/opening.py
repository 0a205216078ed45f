"""Opening a study that exists, of either kind."""

from __future__ import annotations

from typing import Any

from reluctant.interface.comparison import ComparisonStudy
from reluctant.interface.database import named, opened
from reluctant.interface.options import configuration
from reluctant.interface.study import Study
from study.problem import Comparison
from study.records.open_study import reopen


def load(
    name: str | None = None,
    *,
    storage: str | None = None,
    X: Any = None,
    y: Any = None,
    data: Any = None,
    progress: bool = True,
) -> Study | ComparisonStudy:
    """Opens a study that exists; nothing is trained.

    Args:
        name: Its name; None: the only study in the database.
        storage: SQLite file, or SQLAlchemy URL; None: what RELUCTANT_STORAGE names, else reluctant.db.
        X: The features, where the study's data were arrays or a DataFrame; their content is checked.
        y: The values to predict, beside X.
        data: Where the study's data lie now, if they were moved.
        progress: Whether progress is shown when the study is resumed.

    Raises:
        StudyNotFoundError: There is no study of that name; or no name was given, and there is not exactly one study.
        IdentityError: The data are not those of the study.
        DataNotFoundError: The data are not where they were; or they were arrays, and X is not given.
        StorageError: The database cannot be opened.
    """
    config = configuration({"storage": storage})
    with named(X if data is None else data, y) as source:
        study = opened(config.storage, lambda storage: reopen(storage, name, data=source, keep=False), create=False)
    kind = ComparisonStudy if isinstance(study.problem, Comparison) else Study
    return kind(study, progress=progress)
