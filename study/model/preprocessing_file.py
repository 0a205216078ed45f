"""The fitted preprocessing as a skops file: only the classes that `plain` gives are read, with their own parameters.

skops trusts every estimator of scikit-learn, and among those are some that read files of whoever loads them, such as
`CountVectorizer(input="filename")`. So what a file holds is checked three times: its sizes before anything is unpacked,
the classes before anything is built, and the parameters of what was built before it is used.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

TRUSTED = ("numpy.dtype",)
"""Types that skops has to be allowed to load, beyond those that it trusts by default."""

_SCHEMA = "schema.json"
_LARGEST_SCHEMA = 256 * 2**20

_Check = Callable[[Any], bool]


def _is_one_of(*values: object) -> _Check:
    return lambda given: any(type(given) is type(value) and given == value for value in values)


def _is_flag(given: object) -> bool:
    return isinstance(given, bool)


def _is_count(given: object) -> bool:
    return isinstance(given, int) and given > 0


def _is_scalar(given: object) -> bool:
    return given is None or isinstance(given, bool | int | float | str)


def _is_range(given: object) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and all(isinstance(end, int | float) for end in given)


def _is_walked(given: object) -> bool:
    """Steps are checked one by one, like all that an estimator holds."""
    return isinstance(given, list)


_PARAMETERS: Mapping[type[BaseEstimator], Mapping[str, _Check]] = {
    ColumnTransformer: {"transformers": _is_walked, "sparse_threshold": _is_one_of(0.0)},
    Pipeline: {"steps": _is_walked},
    SimpleImputer: {
        "strategy": _is_one_of("median", "constant", "mean", "most_frequent"),
        "fill_value": _is_scalar,
        "add_indicator": _is_flag,
        "keep_empty_features": _is_flag,
    },
    MissingIndicator: {"error_on_new": _is_flag, "features": _is_one_of("missing-only", "all")},
    OneHotEncoder: {
        "handle_unknown": _is_one_of("infrequent_if_exist", "ignore"),
        "min_frequency": _is_count,
        "max_categories": _is_count,
        "sparse_output": _is_one_of(False),
        "dtype": lambda given: given is np.float32,
    },
    StandardScaler: {},
    MinMaxScaler: {"feature_range": _is_range, "clip": _is_flag},
}
"""The estimators that a file may hold, and their parameters that may differ from scikit-learn's defaults."""

_VALUES = {
    "JsonNode": {"builtins.str"},
    "DictNode": {"builtins.dict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "SliceNode": {"builtins.slice"},
    "NdArrayNode": {f"numpy.{name}" for name in ("ndarray", "bool", "bool_", "int32", "int64", "float32", "float64")},
    "DTypeNode": {"numpy.dtype"},
    # Types of the keys of dictionaries, and of what an encoder gives.
    "TypeNode": {"builtins.str", "builtins.int", "builtins.float", "numpy.float32"},
}
_LOADED = _VALUES | {"ObjectNode": {f"{kind.__module__}.{kind.__qualname__}" for kind in _PARAMETERS}}
"""What a file may hold: classes by the name of skops's loader."""

_PLAIN = (str, int, float, bool, type(None), type, np.generic, np.dtype, slice)


class UntrustedError(ValueError):
    """A file holds what `plain` never gives."""


def write_preprocessing(preprocessing: BaseEstimator, path: Path) -> None:
    """Writes what `plain` gave."""
    skops.io.dump(preprocessing, path)


def read_preprocessing(path: Path) -> BaseEstimator:
    """Reads what `write_preprocessing` wrote.

    Raises:
        UntrustedError: The file holds other classes or other parameters than `plain` gives, or is larger unpacked.
        zipfile.BadZipFile: It is no file of skops.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_sizes(archive, len(content))
        schema = json.loads(archive.read(_SCHEMA))
        _check_schema(schema, archive)
    loaded = skops.io.loads(content, trusted=list(TRUSTED))
    if type(loaded) not in (ColumnTransformer, StandardScaler):
        raise UntrustedError(f"it holds a {type(loaded).__name__} where a preprocessing is needed")
    _check_estimators(loaded)
    return loaded


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Refuses an archive that is larger unpacked than as it is; skops compresses nothing."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise UntrustedError("it is compressed, and could be of any size unpacked")
    if sum(member.file_size for member in members) > size:
        raise UntrustedError("it is larger unpacked than it is")
    if archive.getinfo(_SCHEMA).file_size > _LARGEST_SCHEMA:
        raise UntrustedError(f"its {_SCHEMA} is larger than {_LARGEST_SCHEMA >> 20} MiB")


def _check_schema(schema: Any, archive: zipfile.ZipFile) -> None:
    """Refuses classes that `plain` never gives, and arrays that would need more memory than the file has bytes."""
    read: set[str] = set()
    for node in _nodes(schema):
        loader, kind = str(node["__loader__"]), f"{node.get('__module__')}.{node.get('__class__')}"
        if kind not in _LOADED.get(loader, ()):
            raise UntrustedError(f"it holds {kind}")
        if loader == "NdArrayNode" and node.get("type") != "json":
            name = str(node["file"])
            if name not in read:
                read.add(name)
                _check_array(archive.read(name))


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every node of a skops schema, however deep."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _check_array(content: bytes) -> None:
    """Refuses an array in numpy's form whose header promises another size than there is."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise UntrustedError("it holds an array of another form than numpy.save writes")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise UntrustedError(f"it holds an array of {dtype} with the shape {shape}, and other bytes than that needs")


def _check_estimators(loaded: BaseEstimator) -> None:
    """Refuses estimators with parameters that `plain` never gives, however deep, and data in the place of methods."""
    seen: set[int] = set()
    waiting: list[Any] = [loaded]
    while waiting:
        value = waiting.pop()
        if isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, np.ndarray):
            waiting += value.ravel().tolist() if value.dtype == object else []
        else:
            _check_parameters(value)
            waiting += vars(value).values()


def _check_parameters(estimator: BaseEstimator) -> None:
    kind = type(estimator)
    if kind not in _PARAMETERS:
        raise UntrustedError(f"it holds a {kind.__module__}.{kind.__qualname__}")
    hidden = vars(estimator).keys() & {name for each in kind.__mro__ for name in vars(each)}
    if hidden:
        raise UntrustedError(f"a {kind.__name__} has {sorted(hidden)[0]!r} of its own")
    usual = kind(**{name: [] for name, check in _PARAMETERS[kind].items() if check is _is_walked}).get_params(
        deep=False
    )
    for name, default in usual.items():
        given = vars(estimator).get(name, default)
        allowed = _PARAMETERS[kind].get(name)
        same = type(given) is type(default) and (given == default or (given != given and default != default))
        if not same and (allowed is None or not allowed(given)):
            raise UntrustedError(f"a {kind.__name__} has {name}={given!r:.100}")
