"""The protocol of the shipped evidence: which data sets, by which rules, under which designs; and its hash."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

from search_spaces.claim_cells import ARMS, USUAL_CLAIMS, read_claims
from search_spaces.design import Design
from study.comparison.claims import Claim
from study.config import COMPARISON_DEFAULTS, StudyConfig
from study.problem.rung_options import RUNG_OPTIONS

_OF_A_DATA_SET = (
    *("data", "rows", "space", "target", "task", "metric"),
    *("seeds", "seed", "claims", "groups", "time"),
)
"""Entries of an identity that differ between data sets, or that the claims' own hashes hold."""
_OF_A_SEARCH = (
    "objective",
    "sparsity",
    "sparsity_weight",
    "min_accuracy",
    "sampler",
    "cohort",
    "pruner",
    *RUNG_OPTIONS,
)


@dataclass(frozen=True)
class ProtocolSet:
    """One data set of the protocol.

    Attributes:
        name: Its name.
        file: CSV file; empty where scikit-learn has it.
        built_in: Name of one of scikit-learn's; empty where it is a file.
        target: The column to predict; None for one of scikit-learn's.
        official_test: CSV file of the official test part, which is joined and divided anew.
        task: What is learned.
        group: Data sets of one group share samples, and count once; by default a group of its own.
        also: Other built-in data sets that hold samples of it.
    """

    name: str
    file: str = ""
    built_in: str = ""
    target: str | None = None
    official_test: str = ""
    task: str = "classification"
    group: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Protocol:
    """What was written down before the evidence was gathered.

    Attributes:
        hash: Of the file, of the levels of the usual designs, and of the training options: 12 hex digits.
        rules: The rules, by name.
        hidden: Units of each hidden layer.
        epochs: Passes over the training part.
        seeds: Numbers of rows, and the seeds of data sets that have at most so many.
        fewest_members: Rows of classes with fewer members are dropped.
        most_rows: Of larger data sets so many rows are drawn.
        data: The data sets.
        parts: Names and claims of the comparisons that a data set is divided into.
    """

    hash: str
    rules: dict[str, Any]
    hidden: int
    epochs: int
    seeds: tuple[tuple[int, int], ...]
    fewest_members: int
    most_rows: int
    data: tuple[ProtocolSet, ...]
    parts: tuple[tuple[str, tuple[int, ...]], ...]

    def seeds_of(self, rows: int) -> int:
        """The seeds of a data set of so many rows.

        Example:
            >>> protocol().seeds_of(1000), protocol().seeds_of(20_000)
            (6, 4)
        """
        return next((seeds for most, seeds in self.seeds if rows <= most), self.seeds[-1][1])

    def config(self, rows: int, /, **options: Any) -> StudyConfig:
        """The configuration of a comparison of a data set of so many rows."""
        given: dict[str, Any] = {"hidden": self.hidden, "epochs": self.epochs, "seeds": self.seeds_of(rows)}
        if rows > self.most_rows:
            given["rows"] = self.most_rows
        return StudyConfig(**{**COMPARISON_DEFAULTS, **given, **options})

    def differences(self, config: StudyConfig) -> list[str]:
        """The options, as text, by which a comparison differs from the protocol; empty where evidence speaks of it."""
        theirs, ours = _training(config), _training(self.config(0))
        return [
            f"--{name.replace('_', '-')} {_text(theirs.get(name))} (the evidence has {_text(ours.get(name))})"
            for name in dict.fromkeys([*ours, *theirs])
            if theirs.get(name) != ours.get(name)
        ]


@cache
def protocol() -> Protocol:
    """The protocol of this version."""
    text = resources.files("study.comparison").joinpath("protocol.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    parts = tuple((part["name"], read_claims(part["claims"])) for part in table.pop("parts"))
    training, rules = table["training"], dict(table["rules"])
    fewest, most = rules.pop("fewest_members"), rules.pop("most_rows")
    sets = tuple(ProtocolSet(**{**each, "also": tuple(each.get("also", ()))}) for each in table["data"])
    seeds = tuple((each["rows"], each["seeds"]) for each in table["seeds"])
    found = Protocol("", rules, training["hidden"], training["epochs"], seeds, fewest, most, sets, parts)
    design = Design(width=found.hidden, claims=USUAL_CLAIMS)
    content = {"file": table, "design": design.levels, "training": _training(found.config(0))}
    return Protocol(_hash(content), rules, found.hidden, found.epochs, seeds, fewest, most, sets, parts)


def definition(claim: Claim) -> str:
    """A hash of what a claim says, how it is judged and which cells it reads, whose evidence is of no other use."""
    contrasts = [
        [part.name, part.compute.__name__, part.unit, asdict(part.region), part.kind, part.average, part.decides]
        for part in claim.contrasts
    ]
    content: list[Any] = [claim.statement, claim.needs, contrasts]
    if claim.id not in USUAL_CLAIMS:  # The levels of the usual claims are in the hash of the protocol.
        arms = ARMS[claim.id](Design(width=protocol().hidden, claims=(claim.id,)))
        content += [[contrast.checks for contrast in claim.contrasts], [[c.values for c in arm] for arm in arms]]
    return _hash(content)


def _training(config: StudyConfig) -> dict[str, Any]:
    """The options of training that all data sets of the protocol have in common."""
    identity = config.identity(fingerprint="", space_text="")
    return {name: value for name, value in identity.items() if name not in (*_OF_A_DATA_SET, *_OF_A_SEARCH)}


def _text(value: Any) -> str:
    if value is None:
        return "as usual"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]
