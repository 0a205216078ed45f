"""Forest plots as inline SVG, for pages that no script draws: on light and dark ground, on wide and narrow screens."""

from __future__ import annotations

from html import escape

from study.comparison.across_data_sets import ContrastAcrossDataSets
from study.report.verdict_figures import VERDICTS

_WIDTH, _LEFT, _RIGHT = 360, 112, 6
_ROW, _TOP, _AXIS = 13, 4, 22
_NAME = 19
"""Characters of a data set's name."""
_ERRORS = 2.0
"""Standard errors of a bar."""
Interval = tuple[float, float]


def forest(contrast: ContrastAcrossDataSets) -> str:
    """A contrast on each data set with two standard errors, its average, and a new data set, as an SVG of one line."""
    plot = _Plot(contrast)
    return plot.svg()


def step_of(width: float) -> float:
    """A round step that divides a width into three to seven parts.

    Example:
        >>> step_of(10.0), step_of(0.7), step_of(34.0)
        (2.0, 0.1, 5.0)
    """
    size = 1e-9
    while True:
        for part in (1.0, 2.0, 5.0):
            if width / (size * part) <= 7.0:
                return float(f"{size * part:.3g}")
        size *= 10.0


class _Plot:
    def __init__(self, contrast: ContrastAcrossDataSets) -> None:
        self.contrast = contrast
        self.order = sorted(range(len(contrast.data)), key=lambda place: contrast.estimates[place])
        shown = [*contrast.estimates, *contrast.rope]
        weighted = None if contrast.sensitivity is None else contrast.sensitivity.interval
        for interval in (contrast.interval, contrast.prediction_interval, weighted):
            shown += interval or ()
        least, most = min(shown), max(shown)
        around = 0.04 * (most - least) or 1.0
        self.least, self.most = least - around, most + around
        self.bottom = _TOP + _ROW * (len(self.order) + 3)

    def x(self, value: float) -> float:
        inside = min(self.most, max(self.least, value))
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (inside - self.least) / (self.most - self.least), 1)

    def y(self, row: int) -> float:
        return _TOP + _ROW * (row + 0.5)

    def svg(self) -> str:
        contrast, count = self.contrast, len(self.order)
        parts = [*self._region(), *self._axis()]
        for row, place in enumerate(self.order):
            bar = _ERRORS * (contrast.standard_errors[place] or 0.0)
            parts += self._data_set(row, contrast.data[place], contrast.estimates[place], bar)
        ink, weighted = "currentColor", contrast.sensitivity
        judged, new = VERDICTS[contrast.verdict][0], VERDICTS[contrast.verdict_on_new][0]
        parts += self._summary(count, contrast.average, contrast.estimate, contrast.interval, judged)
        parts += self._summary(count + 1, "new data set", None, contrast.prediction_interval, new)
        if weighted is not None:
            parts += self._summary(count + 2, "weighted", weighted.estimate, weighted.interval, ink)
        label = escape(f"{contrast.name}, on {count} data sets", quote=True)
        head = f'<svg viewBox="0 0 {_WIDTH} {self.bottom + _AXIS}" role="img" aria-label="{label}">'
        return "".join([head, *parts, "</svg>"])

    def _region(self) -> list[str]:
        left, right = map(self.x, self.contrast.rope)
        if left == right:
            return [f'<path d="M{left} {_TOP}V{self.bottom}" class="edge"/>']
        return [f'<rect x="{left}" y="{_TOP}" width="{right - left:.1f}" height="{self.bottom - _TOP}" class="rope"/>']

    def _axis(self) -> list[str]:
        step = step_of(self.most - self.least)
        first = int(self.least // step) + 1
        ticks = [step * number for number in range(first, int(self.most // step) + 1)]
        parts = [f'<path d="M{_LEFT} {self.bottom}H{_WIDTH - _RIGHT}" class="line"/>']
        for tick in ticks:
            x, text = self.x(tick), f"{tick:.6g}".replace("-", "−")
            parts.append(f'<path d="M{x} {self.bottom}v3" class="line"/>')
            parts.append(f'<text x="{x}" y="{self.bottom + 12}" class="tick">{text}</text>')
        unit = escape(self.contrast.unit)
        return [*parts, f'<text x="{_LEFT - 6}" y="{self.bottom + 12}" class="name">{unit}</text>']

    def _data_set(self, row: int, name: str, estimate: float, bar: float) -> list[str]:
        y, short = self.y(row), name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        left, right = self.x(estimate - bar), self.x(estimate + bar)
        return [
            f'<g><title>{escape(name)}: {estimate:+.2f}</title><text x="{_LEFT - 6}" y="{y + 3}" class="name">'
            f'{escape(short)}</text><path d="M{left} {y}H{right}" class="line"/>'
            f'<circle cx="{self.x(estimate)}" cy="{y}" r="2.2" fill="currentColor"/></g>'
        ]

    def _summary(
        self, row: int, name: str, estimate: float | None, interval: Interval | None, colour: str
    ) -> list[str]:
        y = self.y(row)
        parts = [f'<text x="{_LEFT - 6}" y="{y + 3}" class="name sum">{escape(name)}</text>']
        if interval is not None:
            left, right = map(self.x, interval)
            parts.append(f'<path d="M{left} {y}H{right}" stroke="{colour}" stroke-width="3.5"/>')
        if estimate is not None:
            parts.append(f'<path d="M{self.x(estimate)} {y - 5}l4 5l-4 5l-4 -5z" style="fill:{colour}"/>')
        return parts
