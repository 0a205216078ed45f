"""Options that say of themselves what another value changes, and whether they are stored and handed on."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from study.config.option import Option, Scope


class DeclaredOptions(BaseModel):
    """A model each of whose fields carries an `Option`."""

    @classmethod
    def option(cls, name: str) -> Option:
        """What a field says of itself.

        Example:
            >>> from study.config import StudyConfig
            >>> StudyConfig.option("threads").for_workers
            True
        """
        return next(each for each in cls.model_fields[name].metadata if isinstance(each, Option))

    @classmethod
    def is_flag(cls, name: str) -> bool:
        """Whether an option is one that is set or not, and has no other values.

        Example:
            >>> from study.config import StudyConfig
            >>> StudyConfig.is_flag("confirm"), StudyConfig.is_flag("trials")
            (True, False)
        """
        annotation = cls.model_fields[name].annotation
        return bool in (annotation, *get_args(annotation))

    @classmethod
    def options(cls, *scopes: Scope) -> tuple[str, ...]:
        """The names of the options of some scopes, or of all, in the order of the fields.

        Example:
            >>> from study.config import StudyConfig
            >>> from study.config import StudyConfig
            >>> StudyConfig.options(Scope.PLACE)
            ('data', 'test', 'rows', 'drop', 'keep', 'image_size', 'space', 'storage', 'name')
        """
        return tuple(name for name in cls.model_fields if not scopes or cls.option(name).scope in scopes)

    @property
    def stored(self) -> dict[str, Any]:
        """The options that are stored with a study, JSON-able."""
        return self.model_dump(mode="json", include={name for name in self.options() if self.option(name).stored})

    @property
    def for_workers(self) -> dict[str, Any]:
        """The options that a run hands on to its workers, JSON-able; those without a value are left out."""
        names = {name for name in self.options() if self.option(name).for_workers}
        return self.model_dump(mode="json", include=names, exclude_none=True)
