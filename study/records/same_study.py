"""Whether a study that exists is the one that a configuration makes, and has the libraries that it was begun with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from reluctant.errors import ReluctantError, ReluctantWarning
from study.config import StudyConfig
from study.problem import kind_of
from study.records.attributes import installed_versions


class IdentityError(ReluctantError, ValueError):
    """A study is opened with a configuration that makes another study."""


class VersionsWarning(ReluctantWarning):
    """A study is opened with other versions of libraries than those that it was begun with."""


def check_identity(theirs: Mapping[str, Any], ours: Mapping[str, Any], name: str) -> None:
    """Refuses a configuration that makes another study than the one that has its name.

    Args:
        theirs: The identity that is stored with the study.
        ours: The identity that the configuration makes.
        name: The study's name.

    Raises:
        IdentityError: They differ; the text says in what.
    """
    there, here = kind_of(theirs).kind, kind_of(ours).kind
    if there != here:
        raise IdentityError(f"the name {name!r} is taken by a {there}, and this is a {here}; choose another --name")
    different = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    if not different:
        return
    lines = []
    for key in different:
        if key in ("data", "space", "design"):
            lines.append(f"{key} (its content differs)")
        else:
            lines.append(f"{key} ({_shown(theirs, key)} there, {_shown(ours, key)} here)")
    raise IdentityError(
        f"the name {name!r} is taken by a study with another configuration; what differs: {', '.join(lines)}; "
        "choose another --name, or give the study's own options"
    )


def _shown(identity: Mapping[str, Any], key: str) -> str:
    absent = StudyConfig.option(key).where_absent if key in StudyConfig.options() else "the default"
    value = identity.get(key, absent)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {str(part)[:12]}" for name, part in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def check_versions(recorded: Mapping[str, str]) -> None:
    """Warns where libraries have other versions than when the study was begun.

    Args:
        recorded: The versions that are stored with the study, by library.
    """
    changed = [
        f"{name} {recorded[name]} → {version}"
        for name, version in installed_versions().items()
        if name in recorded and recorded[name] != version
    ]
    if changed:
        warnings.warn(
            f"this study was started with other versions ({', '.join(changed)}); "
            "new trials may differ from old ones in the last digits",
            VersionsWarning,
            stacklevel=3,
        )
