"""What the terminal shows until the dashboard can: what is loaded takes longer than a person likes to wait for an echo.

It is drawn by hand on the alternate screen, which the dashboard then takes over; an error on the way gives the terminal
back first. (xterm's control sequences: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html)
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?25h\x1b[?1049l"
NAME = "hostgw-tui"


@contextmanager
def opening(doing: str) -> Iterator[None]:
    """Show what is being done, while it is."""
    sys.stdout.write(ENTER + picture(doing, *shutil.get_terminal_size()))
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
        raise


def picture(doing: str, width: int, height: int) -> str:
    """Return the name and what is being done in the middle of the screen."""
    lines = (NAME, f"{doing} ...")
    top = max(1, height // 2 - 1)
    return "".join(_at(top + 2 * place, text[:width], width) for place, text in enumerate(lines))


def _at(line: int, text: str, width: int) -> str:
    return f"\x1b[{line};{max(1, (width - len(text)) // 2 + 1)}H{text}"
