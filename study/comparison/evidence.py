"""The evidence: the estimates of all claims on many data sets, as `python -m benchmarks.evidence` writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from reluctant.errors import ReluctantError
from study.comparison.claims import CLAIMS
from study.comparison.protocol import definition, protocol
from study.comparison.set_estimates import SetEstimate
from study.data import Dataset
from study.data.row_sketch import row_hashes, shares_samples

FORMAT = 1
COMMAND = "python -m benchmarks.evidence FOLDER"
"""The command that makes the file, in a checkout of the repository."""


class EvidenceError(ReluctantError, ValueError):
    """A file of evidence cannot be used."""


@dataclass(frozen=True)
class EvidenceSet:
    """What the evidence has of one data set.

    Attributes:
        name: Its name.
        task: What was learned.
        group: Data sets of one group share samples.
        rows: How many samples it has.
        fingerprints: Of the data set, and of other forms of the same samples.
        estimates: Of each claim, by its statement, the estimates of its contrasts.
        sketch: Of its rows, by which others that hold some of them are recognized.
    """

    name: str
    task: str
    group: str
    rows: int
    fingerprints: tuple[str, ...]
    estimates: Mapping[str, Sequence[SetEstimate | None]]
    sketch: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The estimates of claims on many data sets.

    Attributes:
        protocol: The hash of the protocol by which they were gathered.
        sets: The data sets that are done.
        planned: How many data sets the protocol has.
    """

    protocol: str
    sets: tuple[EvidenceSet, ...]
    planned: int

    def without(self, dataset: Dataset) -> tuple[Evidence, tuple[str, ...]]:
        """The evidence without a user's data set and all that share samples with it, and the names of those.

        They are known by the fingerprints of the data set and of what it was drawn from; and by its rows, where these
        are in another order, or in part others.

        Args:
            dataset: The user's data set.
        """
        prints, rows = {dataset.fingerprint, dataset.whole}, set(row_hashes(dataset).tolist())
        return self.without_groups(
            {e.group for e in self.sets if not prints.isdisjoint(e.fingerprints) or shares_samples(rows, e.sketch)}
        )

    def without_groups(self, groups: Collection[str]) -> tuple[Evidence, tuple[str, ...]]:
        """The evidence without all data sets of some groups, and the names of those."""
        left = tuple(each for each in self.sets if each.group not in groups)
        return Evidence(self.protocol, left, self.planned), tuple(e.name for e in self.sets if e.group in groups)

    def counted(self, task: str) -> dict[str, dict[str, list[SetEstimate | None]]]:
        """The estimates that count, by data set: those of one group as one, by their mean.

        The standard error of such a mean is the mean of theirs, as if their errors were one.

        Args:
            task: What is learned.
        """
        groups: dict[str, list[EvidenceSet]] = {}
        for each in self.sets:
            if each.task == task:
                groups.setdefault(each.group, []).append(each)
        return {
            " + ".join(each.name for each in members): {
                statement: [*map(_mean, zip(*(each.estimates[statement] for each in members), strict=True))]
                for statement in members[0].estimates
                if all(statement in each.estimates for each in members)
            }
            for members in groups.values()
        }


def load_evidence(path: str | Path) -> Evidence:
    """Reads evidence; claims whose definition has changed since are left out.

    Args:
        path: A file that the command has written.

    Raises:
        EvidenceError: It cannot be read, or is of another protocol's version.
    """
    return _parsed(_text(Path(path)), str(path))


def unchanged(definitions: Mapping[str, str]) -> list[str]:
    """The statements of the claims that are defined now as they were.

    Args:
        definitions: How claims were defined when evidence was gathered, by their statements.
    """
    return [claim.statement for claim in CLAIMS if definitions.get(claim.statement) == definition(claim)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path} cannot be read ({error}); give a file that `{COMMAND}` has written") from None


def _parsed(text: str, origin: str) -> Evidence:
    try:
        document = json.loads(text)
        made = document["format"], document["protocol"]
        if made != (FORMAT, protocol().hash):
            raise EvidenceError(
                f"{origin} was gathered by protocol {made[1]}, format {made[0]}; this version has protocol "
                f"{protocol().hash}, format {FORMAT}; make it anew with `{COMMAND}`"
            )
        statements = unchanged(document["claims"])
        sets = tuple(_set(each, statements) for each in document["data_sets"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, EvidenceError):
            raise
        raise EvidenceError(f"{origin} is no evidence ({error!r}); make it anew with `{COMMAND}`") from None
    return Evidence(made[1], sets, len(protocol().data))


def _set(saved: Mapping[str, Any], statements: Sequence[str]) -> EvidenceSet:
    return EvidenceSet(
        name=saved["name"],
        task=saved["task"],
        group=saved["group"],
        rows=saved["rows"],
        fingerprints=tuple(saved["fingerprints"]),
        estimates={
            statement: [None if each is None else SetEstimate(*each) for each in saved["estimates"][statement]]
            for statement in statements
            if statement in saved["estimates"]
        },
        sketch=tuple(saved.get("sketch", ())),
    )


def _mean(estimates: Sequence[SetEstimate | None]) -> SetEstimate | None:
    there = [each for each in estimates if each is not None]
    if not there:
        return None
    errors = [each.standard_error for each in there if each.standard_error is not None]
    return SetEstimate(fmean(each.value for each in there), fmean(errors) if errors else None)


def rounded(value: float | None) -> float | None:
    """Six digits, which is more than any estimate has; None where it is no number."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
