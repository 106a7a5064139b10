"""Copy by OSC 52, wrapped for tmux and screen. Whether the terminal obeys is not known: the toast says so."""

from __future__ import annotations

import base64
from collections.abc import Mapping

LIMIT = 74_994
"""Bytes of text whose base64 still fits the 100,000 that terminals take."""
SAMPLE = 18
"""Characters of a copied line that the toast repeats; more would not fit in one line of it."""


def sequence(text: str, environment: Mapping[str, str]) -> str:
    """Return what makes the terminal copy `text`; empty when it is too long."""
    data = text.encode()
    if len(data) > LIMIT:
        return ""
    osc = f"\x1b]52;c;{base64.b64encode(data).decode()}\a"
    if environment.get("TMUX"):
        return "\x1bPtmux;" + osc.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environment.get("STY"):
        return "".join(f"\x1bP{osc[i : i + 200]}\x1b\\" for i in range(0, len(osc), 200))
    return osc


def toast(text: str) -> str:
    """Return what to tell after copying."""
    size = len(text.encode())
    if size > LIMIT:
        return f"too long for the terminal's clipboard ({size:,} bytes)"
    lines = text.count("\n") + 1
    what = f"{lines} lines" if lines > 1 else f"'{text[:SAMPLE]}…'" if len(text) > SAMPLE else f"'{text}'"
    return f"sent {what} to the terminal's clipboard"
