"""The keys under which the measures of a replicate are stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_FORM = re.compile(r"(?P<part>test_)?(?P<name>.+?)(?:_layer(?P<layer>\d+))?")


@dataclass(frozen=True)
class MeasureKey:
    """What a stored measure is of; `str` gives the form that is stored.

    Attributes:
        name: The measure.
        on_test: Whether it was read on the test part.
        layer: Layer that it was taken in, from 0 next to the input; None for the whole network.

    Example:
        >>> str(MeasureKey("near_zero", on_test=True, layer=1))
        'test_near_zero_layer1'
        >>> MeasureKey.parse("gradient_norm_end_layer2")
        MeasureKey(name='gradient_norm_end', on_test=False, layer=2)
    """

    name: str
    on_test: bool = False
    layer: int | None = None

    def __str__(self) -> str:
        """The stored form."""
        return f"{'test_' if self.on_test else ''}{self.name}{'' if self.layer is None else f'_layer{self.layer}'}"

    @staticmethod
    def parse(key: str) -> MeasureKey:
        """Reads the stored form.

        Raises:
            ValueError: The key is empty.
        """
        return _parsed(key)


@cache
def _parsed(key: str) -> MeasureKey:
    found = _FORM.fullmatch(key)
    if found is None:
        raise ValueError("the key of a measure is empty")
    layer = found["layer"]
    return MeasureKey(found["name"], found["part"] is not None, None if layer is None else int(layer))


@cache
def key_on_test(name: str, layer: int | None = None) -> str:
    """The key of a measure on the test part, of a layer or of the whole network.

    Example:
        >>> key_on_test("accuracy"), key_on_test("dead", 0)
        ('test_accuracy', 'test_dead_layer0')
    """
    return str(MeasureKey(name, on_test=True, layer=layer))
