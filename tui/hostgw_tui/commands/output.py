"""Write a report: JSON or lines on stdout. The last gate: rules and names are kept as hosts gave them until here."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

import msgspec

from hostgw.clean import clean, plain
from hostgw.errors import UsageError

LONGEST = 20_000
_DIFF = re.compile(r"    ([+-]|@@)")
_COLOURS = {"+": 32, "-": 31, "@@": 36}
_INVISIBLE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What JSON lets stand in its strings, and a terminal might obey or hide."""


def write(report: msgspec.Struct, lines: Iterable[str], as_json: bool) -> None:
    """Write `report` as JSON, or `lines` for people.

    Raises:
        UsageError: stdout does not take it (a full disk).
        BrokenPipeError: nobody reads it.
    """
    if as_json:
        _put([json_text(report)])
    else:
        write_lines(lines)


def write_event(report: msgspec.Struct, lines: Iterable[str], as_json: bool) -> None:
    """Write one of many reports: JSON on one line, or `lines` for people; raises as `write` does."""
    if as_json:
        _put([_escaped(msgspec.json.encode(report, enc_hook=plain))])
    else:
        write_lines(lines)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines for people; raises as `write` does."""
    paint = painted if colourful() else str
    _put(paint(clean(line, LONGEST)) for line in lines)


def _put(lines: Iterable[str]) -> None:
    try:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError("stdout cannot be written", error.strerror or str(error)) from error


def colourful() -> bool:
    """Tell whether stdout takes colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(line: str) -> str:
    """Return a line in the colour of diffs, where it is one of a diff."""
    found = _DIFF.match(line)
    return f"\x1b[{_COLOURS[found[1]]}m{line}\x1b[0m" if found else line


def json_text(report: msgspec.Struct) -> str:
    """Return a report as indented JSON in which every control character is an escape; the data are exact."""
    return _escaped(msgspec.json.format(msgspec.json.encode(report, enc_hook=plain), indent=2))


def _escaped(document: bytes) -> str:
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())


def give_up() -> None:
    """Nobody reads our output any more: what is still buffered must not fail once more, or wait, at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def narrate(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(f"{clean(text, LONGEST)}\n")
