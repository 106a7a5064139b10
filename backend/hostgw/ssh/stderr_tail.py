"""The last lines that a program on a host wrote to its standard error, bounded and clean."""

from __future__ import annotations

from hostgw.clean import Clean, clean

_KEPT = 4096


class StderrTail:
    """Keeps the end of what it is fed."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Take more."""
        self._data = (self._data + data)[-_KEPT:]

    def lines(self) -> list[Clean]:
        """Return the lines that are kept, without empty ones."""
        return [clean(line, 200) for line in self._data.splitlines() if line.strip()]

    def last(self) -> str:
        """Return the last line: of a traceback, the error."""
        lines = self.lines()
        return lines[-1] if lines else ""
