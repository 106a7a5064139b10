"""What was decoded before: a dump is mostly the same as the one before it, and decoding is what costs."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from hostgw.agent.netlink import Message

Row = Dict[str, Any]


class Memory:
    """The rows of the last dump of each section of a namespace, by the bytes that they were read from."""

    def __init__(self) -> None:
        self._rows: Dict[str, Dict[bytes, Row]] = {}

    def rows(self, section: str, messages: List[Message], make: Callable[[Message], Row]) -> List[Row]:
        """Return a row per message; those of messages that came before are the same objects as then."""
        known, fresh, found = self._rows.get(section, {}), {}, []
        for message in messages:
            row = known.get(message.body) or make(message)
            found.append(row)
            if row.get("kind") != "bridge":  # the kernel is not all that tells of a bridge, and its timers run on
                fresh[message.body] = row
        self._rows[section] = fresh
        return found
