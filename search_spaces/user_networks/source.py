"""The file that a user's network comes from: named by a path or a module, known by its content."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from reluctant.errors import unknown
from search_spaces.user_networks.failures import NetworkError, what_was_raised
from search_spaces.user_networks.helpers import activate, check_helpers, hash_at_import, hash_of, imports_from

NEEDED = "FILE.py:NAME or package.module:NAME is needed"
_LOADED: dict[Source, ModuleType] = {}


@dataclass(frozen=True)
class Source:
    """Where a function that makes networks is found, and what the file holds.

    Attributes:
        file: The file.
        name: Name of the function in it.
        sha256: Hash of the file's content, in hexadecimal digits.
    """

    file: Path
    name: str
    sha256: str

    @classmethod
    def of(cls, network: str) -> Source:
        """The source that `--network` names, which is read, and not run.

        Args:
            network: `FILE.py:NAME` or `package.module:NAME`.

        Raises:
            NetworkError: There is no such file or module.
        """
        place, _, name = network.rpartition(":")
        if not place or not name.isidentifier():
            raise NetworkError(f"--network is {network!r}; {NEEDED}, where NAME is a function in it")
        if place.endswith(".py") or "/" in place:
            return cls(*_read(Path(place).expanduser().absolute(), name))
        return cls(*_read(_file_of(place, network), name))

    @property
    def text(self) -> str:
        """How it is named: by the file, so that it is found from any folder."""
        return f"{self.file}:{self.name}"

    @property
    def short_hash(self) -> str:
        """The first digits of the hash, for people."""
        return self.sha256[:12]

    @property
    def root(self) -> Path:
        """The folder that it may import from: its own, or that of the outermost package that it lies in."""
        return self.file.parents[len(_packages(self.file))]

    def load(self) -> Any:
        """What the file holds under the name; the file is run once in a process.

        Raises:
            NetworkError: The file raises, or holds no such name.
        """
        module = _LOADED.get(self) or self._run()
        _LOADED[self] = module
        if not hasattr(module, self.name):
            raise NetworkError(f"--network: {unknown('function', self.name, _functions(module), where=str(self.file))}")
        return getattr(module, self.name)

    def _run(self) -> ModuleType:
        """Runs the file: in a package as a module of it, else as one of its own; it may import what lies beside it."""
        packages = _packages(self.file)
        activate(self.root)
        with imports_from(self.root):
            try:
                module = self._imported(".".join([*packages, self.file.stem])) if packages else self._alone()
                check_helpers(self.file, self.root)
                return module
            except NetworkError:
                raise
            except (Exception, SystemExit) as error:
                raise NetworkError(
                    f"--network: {self.file} cannot be imported: {what_was_raised(error, self.file)}; mend the file"
                ) from None

    def _imported(self, name: str) -> ModuleType:
        module = importlib.import_module(name)
        found = getattr(module, "__file__", None)
        if found is None or hash_of(Path(found)) != self.sha256:
            raise NetworkError(
                f"--network: {self.file} is the module {name} by its folder, and Python imports that from {found}; "
                "copy the file out of its package"
            )
        if hash_at_import(module, self.sha256) != self.sha256:
            raise NetworkError(
                f"--network: {self.file} has changed since Python imported it as {name}, and would still be the former "
                "one; restart Python"
            )
        return module

    def _alone(self) -> ModuleType:
        # By its content, so that another file of the same name is another module.
        name = f"{self.file.stem}_{self.short_hash}"
        spec = importlib.util.spec_from_file_location(name, self.file, loader=_Uncached(name, str(self.file)))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


class _Uncached(SourceFileLoader):
    """Runs a file as it is: bytecode in a cache may be of another content that was written in the same second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def find_source(stored: Source, folders: Sequence[Path], *, what: str) -> Source:
    """The file of a study's network where it is now: at its stored path, or in one of some folders by its content.

    Args:
        stored: The source when the study was begun.
        folders: Where else it may lie.
        what: What needs it, for the error.

    Raises:
        NetworkError: It is not there, or has another content by now; the text names both.
    """
    path, sha256 = stored.file, stored.sha256
    if path.is_file() and hash_of(path) == sha256:
        return stored
    for file in (file for folder in folders if folder.is_dir() for file in sorted(folder.glob("*.py"))):
        with suppress(OSError):  # links that lead nowhere, files of others
            if file.is_file() and hash_of(file) == sha256:
                return Source(file.absolute(), stored.name, sha256)
    beside = " or ".join(dict.fromkeys(str(folder) for folder in folders))
    elsewhere = f", and no file in {beside} has that content" if folders else ""
    if path.is_file():
        raise NetworkError(
            f"{path} holds another content ({hash_of(path)[:12]}) than the network of {what} ({sha256[:12]})"
            f"{elsewhere}; put the former file back, or start a study of the new one with `reluctant run`"
        )
    raise NetworkError(
        f"{path}, the network of {what}, is gone, and its content ({sha256[:12]}) is needed{elsewhere}; put the file "
        f"there{f', or into {beside}' if folders else ''}"
    )


def _read(file: Path, name: str) -> tuple[Path, str, str]:
    if file.suffix != ".py":
        raise NetworkError(f"--network names {file}, which is no file of Python by its name; {NEEDED}")
    if not file.is_file():
        seen = "is a folder" if file.is_dir() else "does not exist"
        raise NetworkError(f"--network names {file}, which {seen}; {NEEDED}")
    try:
        return file, name, hash_of(file)
    except OSError as error:
        raise NetworkError(f"--network: {file} cannot be read: {error.strerror}; choose another file") from None


def _file_of(module: str, network: str) -> Path:
    """The file of a module, which is looked for in the working folder too; its packages are imported."""
    with imports_from(Path.cwd()):
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError, AttributeError) as error:
            raise NetworkError(f"--network is {network!r}: {error}; {NEEDED}") from None
        except (Exception, SystemExit) as error:
            raise NetworkError(
                f"--network is {network!r}, whose package cannot be imported: {what_was_raised(error, None)}; mend it"
            ) from None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        seen = "there is no such module" if spec is None else "it is no file of Python"
        raise NetworkError(f"--network is {network!r}, and {seen}; {NEEDED}")
    return Path(spec.origin).absolute()


def _functions(module: ModuleType) -> list[str]:
    """What a module defines that can be called, functions before classes; not what it imports."""
    own = [
        (name, value)
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return [name for name, _ in sorted(own, key=lambda each: isinstance(each[1], type))]


def _packages(file: Path) -> list[str]:
    """The packages that a file lies in, outermost first: the folders around it that hold an `__init__.py`."""
    names: list[str] = []
    for folder in file.parents:
        if not (folder / "__init__.py").is_file() or not folder.name.isidentifier():
            break
        names.insert(0, folder.name)
    return names if file.stem.isidentifier() else []
