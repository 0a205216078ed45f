"""The data sets of the evidence's protocol, as files of a folder give them."""

from __future__ import annotations

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.comparison.protocol import Protocol, ProtocolSet
from study.data import Dataset, TableOptions, load_dataset
from study.problem import Comparison
from study.tasks import CLASSIFICATION, TASKS


@dataclass(frozen=True)
class Source:
    """A data set of the protocol as it is used.

    Attributes:
        planned: What the protocol says of it.
        place: What the commands call it: a built-in name, or a CSV file.
        dropped: Rows that were dropped, by their class.
        dataset: The data.
        fingerprints: Of the data, and of other forms of the same samples.
    """

    planned: ProtocolSet
    place: str
    dropped: dict[str, int]
    dataset: Dataset
    fingerprints: tuple[str, ...]

    def problem(self, plan: Protocol, part: str, claims: tuple[int, ...], **options: Any) -> Comparison:
        """Its comparison by the protocol, of some claims."""
        named: dict[str, Any] = {"data": self.place, "target": self.planned.target, "claims": claims}
        named["name"] = f"{self.planned.name}-{part}-{plan.hash}"
        if self.planned.task != CLASSIFICATION.name:
            options |= {"task": self.planned.task}
        return Comparison.of(plan.config(len(self.dataset), **(named | options)))


def sources(folder: Path, made: Path, plan: Protocol, wanted: Collection[str] = ()) -> Iterator[Source]:
    """The data sets of the protocol that are there.

    Args:
        folder: Where the CSV files are.
        made: Where tables are written that are joined, or have rows dropped.
        plan: The protocol.
        wanted: Names of data sets; empty: all.
    """
    for planned in plan.data:
        if wanted and planned.name not in wanted:
            continue
        if planned.built_in:
            dataset = load_dataset(planned.built_in)
            yield Source(planned, planned.built_in, {}, dataset, (dataset.fingerprint,))
            continue
        files = [_found(folder, name) for name in (planned.file, planned.official_test) if name]
        missing = [
            name for name, file in zip((planned.file, planned.official_test), files, strict=False) if file is None
        ]
        there = [file for file in files if file is not None]
        if missing:
            print(f"{planned.name} is not done: {', '.join(missing)} is not in {folder}", flush=True)
            continue
        place, dropped = _joined(there, planned, made, plan.fewest_members)
        reading = TableOptions(read_target=TASKS[planned.task].read_target)
        tables = [load_dataset(name, target=planned.target, options=reading) for name in (place, *map(str, there))]
        dataset, others = tables[0], tables
        others += [load_dataset(name) for name in planned.also]
        yield Source(planned, place, dropped, dataset, tuple(dict.fromkeys(each.fingerprint for each in others)))


def _found(folder: Path, name: str) -> Path | None:
    places = (folder / name, folder / "uci" / name, folder / "regression" / name)
    return next((place for place in places if place.is_file()), None)


def _joined(files: list[Path], planned: ProtocolSet, made: Path, fewest: int) -> tuple[str, dict[str, int]]:
    """The file of a data set: as it is, or a new one where parts are joined or rows of rare classes dropped."""
    header, rows = [], []
    for file in files:
        with file.open(newline="", encoding="utf-8") as stream:
            header, *own = csv.reader(stream)
            rows += own
    dropped: dict[str, int] = {}
    if planned.task == "classification":
        place = header.index(str(planned.target))
        members = Counter(row[place] for row in rows)
        dropped = {label: count for label, count in members.items() if count < fewest}
        rows = [row for row in rows if row[place] not in dropped]
    if len(files) == 1 and not dropped:
        return str(files[0]), {}
    made.mkdir(parents=True, exist_ok=True)
    target = made / f"{planned.name}.csv"
    with tempfile.NamedTemporaryFile("w", dir=made, newline="", encoding="utf-8", delete=False) as stream:
        csv.writer(stream).writerows([header, *rows])
    os.replace(stream.name, target)
    return str(target), dropped
