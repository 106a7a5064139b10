"""Who takes what sessions learn."""

from __future__ import annotations

from typing import Protocol

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.wire import Captured, Reply


class Sink(Protocol):
    """Called from the sessions' threads; must return soon."""

    def state(self, host: str, state: HostState, text: str, error: HostError | None) -> None:
        """Take the new state of a host; `text` is its error as one line, empty when all is well."""

    def message(self, host: str, message: Reply) -> None:
        """Take a message. After `Ready` everything known of the host is to be replaced by what follows."""

    def frames(self, host: str, frames: list[Captured]) -> None:
        """Take captured frames."""
