"""One HTML page around sections of figures: self-contained, safe, light and dark, fit to print."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from study.report.palette import DARK, LIGHT
from study.report.plot import Section


@dataclass(frozen=True)
class Page:
    """The content of a report.

    Attributes:
        name: The study's name.
        title: Heading.
        subtitle: A line below the heading.
        answer: Paragraphs, the answer itself first.
        sections: Figures with their titles and captions.
        facts: How the study was run, by name.
    """

    name: str
    title: str
    subtitle: str
    answer: Sequence[str]
    sections: Sequence[Section]
    facts: Mapping[str, str]


def render(page: Page) -> str:
    """Renders a page as HTML that opens without a network.

    Everything that comes from a user's file is text: it is escaped in every place, and the page's content security
    policy runs no scripts but its own two.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["prose"] = prose
    folder = resources.files("study.report")
    template = environment.from_string((folder / "page.html").read_text(encoding="utf-8"))
    plotly, drawing = get_plotlyjs(), (folder / "draw.js").read_text(encoding="utf-8")
    figures = ",".join(
        f'"{panel.id}":{panel.figure.to_json()}' for section in page.sections for panel in section.panels
    )
    return template.render(
        page=page,
        light=LIGHT,
        dark=DARK,
        plotly=Markup(plotly),
        drawing=Markup(drawing),
        figures=in_script(f"{{{figures}}}"),
        hashes=Markup(" ".join(_hash(script) for script in (plotly, drawing))),
    )


def prose(text: str) -> Markup:
    """Text with what stands between backticks as code.

    Example:
        >>> prose("run `reluctant compare` <now>")
        Markup('run <code>reluctant compare</code> &lt;now&gt;')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def in_script(json: str) -> Markup:
    r"""JSON that can stand inside a script element, whatever its texts hold.

    Example:
        >>> print(in_script('["</script>"]'))
        ["\u003c/script\u003e"]
    """
    for character in "<>&\u2028\u2029":
        json = json.replace(character, f"\\u{ord(character):04x}")
    return Markup(json)


def _hash(script: str) -> str:
    """The source expression that allows a script in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
