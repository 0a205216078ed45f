"""Deletes a study as a whole: its rows, and the checkpoints that lie beside the database."""

from __future__ import annotations

from storage import CohortStorage
from study.records.attributes import IDENTITY
from study.workers.checkpoints import checkpoints_folder, remove_checkpoints


def delete_study(storage: CohortStorage, study_id: int) -> None:
    """Deletes a study; workers that train it end with a message, and remove the checkpoints that they write meanwhile.

    A folder that was named by --checkpoints is the user's: a study does not know of it, and what lies in it stays.

    Raises:
        KeyError: There is no such study.
    """
    attributes, names = storage.get_study_system_attrs(study_id), storage.names_of(study_id)
    storage.delete_study(study_id)
    folder = checkpoints_folder(None, storage.file)
    if folder is not None and IDENTITY in attributes and names:
        remove_checkpoints(folder, study_id, names[0], attributes[IDENTITY])
