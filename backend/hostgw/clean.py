r"""The one gate for text that a host, a packet or a file gave.

Control characters, C1 codes, bidirectional overrides and zero-width characters would reach the terminal through any
widget, and could move its cursor, retitle it or disguise a name. Past this gate
they are visible escapes such as ``\x1b``.
"""

from __future__ import annotations

import unicodedata

MAX_MARKS = 3
"""Combining marks kept on one base character; more would overprint neighbouring rows."""

_INVISIBLE = frozenset("\u00ad\u061c\u180e\u115f\u1160\u3164\uffa0") | frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Printable to Python, yet nothing to see: soft hyphen, fillers, variation selectors."""


class Clean(str):
    """Text that went through `clean`: printable, one line, bounded in length."""

    __slots__ = ()


def plain(value: object) -> str:
    """Return clean text as mere `str`, for encoders that take no other (the `enc_hook` of msgspec).

    Raises:
        NotImplementedError: it is something else.
    """
    if isinstance(value, Clean):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is no text")


def clean(value: bytes | str, limit: int = 256) -> Clean:
    r"""Return `value` as printable single-line text of at most `limit` characters.

    Bytes that are no UTF-8 show as ``\xNN``; what is cut is marked by a final ``…``.
    """
    raw = value[: limit * 4] if isinstance(value, bytes) else value[: limit * 2]
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    visible = text if text.isascii() and text.isprintable() else _cap_marks("".join(map(_visible, text)))
    cut = len(visible) > limit or len(raw) < len(value)
    return Clean(visible[: limit - 1] + "…") if cut else Clean(visible)


def clean_lines(value: bytes | str, limit: int = 4096) -> list[Clean]:
    """Return the lines of `value`, each clean; `limit` bounds the whole, in characters."""
    text = value[: limit * 4].decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return [clean(line, limit) for line in text[:limit].splitlines()]


def _visible(char: str) -> str:
    if char.isprintable() and char not in _INVISIBLE:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cap_marks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)
