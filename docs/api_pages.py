"""Hook of mkdocs: adds the pages that are made from the code, so that they cannot fall behind it.

The reference has one page for each package with an `__all__`, and one section for each name in it. The page of commands
holds the help texts of the command line, the page of the code the first line of every module.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path

import typer
from code_map import PACKAGES, ROOT, code_map  # mkdocs puts the folder of a hook on the path
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter

from study.cli import app


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages of the reference at the end of the navigation."""
    assert config.nav is not None
    config.nav.append({"Reference": [{package: f"api/{package}.md"} for package in public_names()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from the code, and the styles."""
    public = public_names()
    for package in public:
        files.append(File.generated(config, f"api/{package}.md", content=reference_page(package, public)))
    files.append(File.generated(config, "commands.md", content=commands_page()))
    files.append(File.generated(config, "map.md", content=f"# The code\n\n{code_map()}\n"))
    files.append(File.generated(config, "stylesheets/site.css", content=styles()))
    return files


def public_names() -> dict[str, list[str]]:
    """The names in the `__all__` of every package that has one, by the package's dotted name."""
    found: dict[str, list[str]] = {}
    for root in PACKAGES:
        for path in sorted((ROOT / root).rglob("__init__.py")):
            for statement in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
                    package = ".".join(path.parent.relative_to(ROOT).parts)
                    found[package] = sorted(ast.literal_eval(statement.value), key=str.lower)
    return found


def reference_page(package: str, public: Mapping[str, Collection[str]]) -> str:
    """Markdown in which mkdocstrings finds a package's docstring and each of its public names."""
    parts = [f"# {package}", f"::: {package}\n    options: {{members: false, show_root_heading: false}}"]
    for name in public[package]:
        inner = next((each for each in public if each.startswith(f"{package}.") and name in public[each]), None)
        parts.append(f"::: {package}.{name}{_options(package, name)}" if inner is None else _link(package, name, inner))
    return "\n\n".join(parts) + "\n"


def _link(package: str, name: str, inner: str) -> str:
    """A name of an inner package that an outer one repeats is described once, where it belongs."""
    return f'<a id="{package}.{name}"></a>`{name}` is [{inner}.{name}][].'


def styles() -> str:
    """Colours of code, in one frame instead of the theme's two; wide pages; tables of claims; forest plots."""
    rules = [
        ".highlight pre code { border: 0; padding: 0 }",
        ".wy-nav-content { max-width: 1100px }",
        ".wy-table-responsive table.claims td, .wy-table-responsive table.claims th { white-space: normal }",
        ".rst-content table.claims td { padding: 6px }",
        ".forest { margin: 0 0 1.5em } .forest svg { width: 100%; max-width: 560px; font-family: sans-serif }",
        ".forest path { fill: none } .forest figcaption { font-size: 80% }",
        ".forest text { fill: currentColor; font-size: 9.5px } .forest .name { text-anchor: end }",
        ".forest .tick { text-anchor: middle } .forest .sum { font-weight: bold }",
        ".forest .line { stroke: currentColor; stroke-width: 0.8 }",
        ".forest .edge { stroke: currentColor; stroke-dasharray: 2 2 }",
        ".forest .rope { fill: #7d7d7d; opacity: 0.25 }",
    ]
    return "\n".join([HtmlFormatter().get_style_defs(".highlight"), *rules, ""])


def commands_page() -> str:
    """The help texts of the command line, as `reluctant COMMAND --help` prints them."""
    group = typer.main.get_command(app)
    outer = typer.Context(group, info_name="reluctant", **group.context_settings)
    parts = ["# Commands", _fenced(group.get_help(outer))]
    for name in group.list_commands(outer):
        command = group.get_command(outer, name)
        inner = typer.Context(command, info_name=name, parent=outer)
        parts += [f"## reluctant {name}", _fenced(command.get_help(inner))]
    return "\n\n".join(parts) + "\n"


def _options(package: str, name: str) -> str:
    """A public name that is a module is described by its docstring alone."""
    return "\n    options: {members: false}" if (ROOT / Path(*package.split(".")) / f"{name}.py").is_file() else ""


def _fenced(text: str) -> str:
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return "\n".join(["```text", *lines, "```"])
