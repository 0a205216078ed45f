"""A study's configuration: `StudyConfig` with its options, validated, read from TOML and the command line.

`option` says what an option says of itself, `declared_options` asks all of them, `option_values` reads their values,
`study_config` has the options and the identity that they make, and `read_options` puts a configuration together and
explains what makes no sense.
"""

from __future__ import annotations

from study.config.option import ConfigError, Option, Scope
from study.config.read_options import read_config
from study.config.study_config import (
    COMPARISON_DEFAULTS,
    COMPARISON_OPTIONS,
    SEARCH_OPTIONS,
    SPARSITY_AS_TRAINED,
    USUAL_LEARNING_RATE,
    StudyConfig,
    Variance,
    comparison_defaults,
    digest,
)

__all__ = [
    "COMPARISON_DEFAULTS",
    "COMPARISON_OPTIONS",
    "SEARCH_OPTIONS",
    "SPARSITY_AS_TRAINED",
    "USUAL_LEARNING_RATE",
    "ConfigError",
    "Option",
    "Scope",
    "StudyConfig",
    "Variance",
    "comparison_defaults",
    "digest",
    "read_config",
]
