"""The output of the script, cut into its parts."""

from __future__ import annotations

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
BEGIN, COMPLAINT, END = "<", "!", ">"
"""What follows the token: a part's name, what its program complained of, how it ended."""
LONGEST = 5
"""Digits of an exit status are fewer."""


def cut(text: str, token: str) -> dict[str, Part]:
    """Return the parts of an output by their names; whatever else was printed is left out.

    One pass over the text, whatever it is: a host may be hostile, and knows the token.
    """
    found: dict[str, Part] = {}
    name = held = complaint = ""
    for piece in f"\n{text}".split(f"\n{token} ")[1:]:
        sign, _, rest = piece.partition(" ")
        if sign == BEGIN:
            name, _, held = rest.partition("\n")
            complaint = ""
        elif sign == COMPLAINT:
            complaint = clean(rest.strip(), 160)
        elif sign == END and name:
            status = rest.partition("\n")[0].strip()
            found[name] = Part(held, int(status) if status.isdecimal() and len(status) < LONGEST else 1, complaint)
            name = ""
    return found
