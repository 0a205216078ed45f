"""The modules that lie beside a user's network: imported from there, and not mixed up with those of another network."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from search_spaces.user_networks.failures import NetworkError

_BROUGHT: dict[ModuleType, tuple[Path | None, str | None]] = {}
"""What was imported for networks of users: the folder that brought each module, None where its package was there
already, and the hash of its file at that time."""


@contextmanager
def imports_from(folder: Path) -> Iterator[None]:
    """Imports look into a folder too, behind all other places, so that its modules hide none of ours."""
    before = set(sys.modules)
    sys.path.append(str(folder))
    try:
        yield
    finally:
        # The first one that is equal may be the user's own.
        position = len(sys.path) - 1 - sys.path[::-1].index(str(folder))
        del sys.path[position]
        _note(folder, before)


def activate(folder: Path) -> None:
    """Puts the modules of a folder that were imported from it into their places, where those of another are by now.

    Two networks of one process may each have a module of the same name beside them; without this the second one would
    get the module of the first.

    Args:
        folder: The folder that a network imports from.
    """
    brought = list(_BROUGHT.items())
    for module, (home, _) in brought:
        name = module.__name__
        if home in (None, folder) or sys.modules.get(name) is not module:
            continue
        # What lies in a folder of sys.path is everybody's, unless this network has its own.
        if str(home) not in sys.path or beside(folder, name.partition(".")[0]) is not None:
            sys.modules.pop(name, None)
    for module, (home, _) in brought:
        if home == folder:
            sys.modules.setdefault(module.__name__, module)


def check_helpers(file: Path, folder: Path) -> None:
    """Refuses a file that got a module from elsewhere, of whose name there is another one beside it.

    Args:
        file: The file, which has been run.
        folder: The folder that it imports from.

    Raises:
        NetworkError: The text names both.
    """
    for name in sorted({*outermost_imports(file)} - sys.stdlib_module_names):
        here, module = beside(folder, name), sys.modules.get(name)
        there = None if module is None else place_of(module)
        if here is not None and there is not None and not _same(here, there):
            raise NetworkError(
                f"--network: {file} imports {name}, and Python has that from {there}, not from {here} beside it; "
                "rename one of them, or restart Python where the other one is not needed"
            )


def outermost_imports(file: Path) -> Iterator[str]:
    """The outermost names of the modules that a file imports, by its text."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def beside(folder: Path, name: str) -> Path | None:
    """The file of a module or package in a folder, or the folder of a package without a file; None: there is none."""
    places = (folder / name / "__init__.py", folder / f"{name}.py")
    found = next((place for place in places if place.is_file()), None)
    if found is None and any((folder / name).glob("*.py")):
        return folder / name
    return found


def place_of(module: ModuleType) -> Path | None:
    """The file that a module was imported from, or the folder of a package without a file."""
    with suppress(Exception):  # what other libraries put among the modules may raise
        file = getattr(module, "__file__", None)
        return Path(file) if file else Path(next(iter(module.__path__)))
    return None


def is_installed(place: Path) -> bool:
    """Whether a file or folder lies where packages are installed."""
    return not {"site-packages", "dist-packages"}.isdisjoint(place.parts)


def hash_at_import(module: ModuleType, now: str) -> str:
    """Hash of a module's file when it was imported, or where that is not known, when it was first asked for.

    Args:
        module: The module.
        now: The hash of its file now.
    """
    return _BROUGHT.setdefault(module, (None, now))[1] or now


def hash_of(file: Path) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _note(folder: Path, before: set[str]) -> None:
    """Remembers the modules that were imported from a folder since there were those of some names."""
    for name in sorted(sys.modules.keys() - before):
        module, outermost = sys.modules.get(name), name.partition(".")[0]
        place = place_of(module) if isinstance(module, ModuleType) else None
        # A folder of installed packages is everybody's.
        if module is None or place is None or not place.is_relative_to(folder) or is_installed(place):
            continue
        known = _BROUGHT.get(sys.modules[outermost], (None, None))[0] if outermost in before else folder
        with suppress(OSError):
            _BROUGHT[module] = (known, hash_of(place) if place.is_file() else None)


def _same(here: Path, there: Path) -> bool:
    """Whether two files or packages are the same, or hold the same."""
    if not there.exists() or here.samefile(there):
        return True
    if here.is_file() and here.name != "__init__.py":
        return there.is_file() and hash_of(here) == hash_of(there)
    ours, theirs = (place if place.is_dir() else place.parent for place in (here, there))
    others = {file.relative_to(theirs): hash_of(file) for file in theirs.rglob("*.py")}
    return {file.relative_to(ours): hash_of(file) for file in ours.rglob("*.py")} == others
