"""The output of the script, cut into its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hostgw.clean import clean


class Part(NamedTuple):
    """What one program printed."""

    text: str
    status: int
    complaint: str = ""

    @property
    def failed(self) -> bool:
        """The program was not there, or said no."""
        return self.status != 0

    @property
    def first(self) -> str:
        """The first line, clean."""
        return clean(self.text.strip().partition("\n")[0], 256)


Parts = Mapping[str, Part]
NOTHING = Part("", 127)


def cut(text: str, token: str) -> dict[str, Part]:
    """Return the parts of an output by their names; whatever else was printed is left out."""
    mark = re.escape(token)
    pattern = re.compile(
        rf"^{mark} < (?P<name>[^\n]+)\n(?P<text>.*?)(?:\n{mark} ! (?P<why>[^\n]*)\n?.*?)?\n{mark} > (?P<status>\d+)$",
        re.MULTILINE | re.DOTALL,
    )
    found = {}
    for match in pattern.finditer(text):
        complaint = clean((match["why"] or "").strip(), 160)
        found[match["name"]] = Part(match["text"], int(match["status"]), complaint)
    return found
