"""Sources of chat models by their names."""

from dataclasses import dataclass
from typing import Protocol

from langchain_core.language_models import BaseChatModel


class ModelSource(Protocol):
    """A source of chat models by their names."""

    def get(self, name: str) -> BaseChatModel:
        """Return the model of that name, always the same one."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SingleModelSource:
    """A source with one model, for every name."""

    model: BaseChatModel

    def get(self, name: str) -> BaseChatModel:  # noqa: ARG002 - any name
        return self.model

    async def aclose(self) -> None:
        """Do nothing: the model is the caller's to close."""
