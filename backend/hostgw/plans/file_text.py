"""Files in previews and commands: what differs, and a text as one line that printf(1) turns back into it."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator
from io import StringIO

from hostgw.clean import clean
from hostgw.model.change import FileChange

ABSENT = "/dev/null"
LONGEST = 300
TAB = 4
NO_NEWLINE = "\\ No newline at end of file"
_SECRET = re.compile(r"^(.[^=]*(?:psk|password|secret|key|pin)[^=]*)=.+", re.IGNORECASE)
_ESCAPES = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t"}


def unified(change: FileChange) -> tuple[str, ...]:
    """Return the unified diff of a change, line by line."""
    before, after = (list(StringIO(text or "", newline="\n")) for text in (change.before, change.after))
    old, new = (ABSENT if text is None else change.path for text in (change.before, change.after))
    lines = tuple(line for found in difflib.unified_diff(before, after, old, new) for line in _whole(found))
    return tuple(_SECRET.sub(r"\1=(not shown)", line) for line in lines) if private(change) else lines


def private(change: FileChange) -> bool:
    """Tell whether not everybody on the host may read the file: what it held before is nobody else's business."""
    return change.mode & 0o004 == 0 and bool(change.before)


def _whole(line: str) -> Iterator[str]:
    yield clean(line.rstrip("\n").expandtabs(TAB), LONGEST)
    if not line.endswith("\n"):
        yield NO_NEWLINE


def state_text(path: str, text: str | None, mode: int) -> str:
    """Return what a file is, in a few words."""
    if text is None:
        return f"{path}: not there"
    count = len(list(StringIO(text, newline="\n")))
    return f"{path}: {count} {'line' if count == 1 else 'lines'}, mode {mode:o}"


def writing(path: str, text: str) -> str:
    """Return a line for sh(1) that writes `text` to a file; the file keeps its owner and permissions."""
    return f"printf %b {shlex.quote(escaped(text))} > {shlex.quote(path)}"


def escaped(text: str) -> str:
    """Return `text` as printf's ``%b`` takes it: printable, and one line."""
    return "".join(_escape(char) for char in text)


def _escape(char: str) -> str:
    if known := _ESCAPES.get(ord(char)):
        return known
    printable = char.isascii() and char.isprintable()
    return char if printable else "".join(f"\\0{byte:03o}" for byte in char.encode())
