"""Pages of docs/ as stories: their commands are run in order, and what they promise must be printed.

In a block marked `console` a line that begins with `$ ` is a command of ours, one that begins with `HOST# ` runs on a
host of the lab; the lines up to the next command must be in its output, in this order. `…` stands for anything, and
blanks for any number of blanks.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hostgw import lab as labs
from tests.lab.conftest import Run

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:(\w+)# |\$ )(.*)")


class Line(NamedTuple):
    """A command of a page, and what it prints."""

    host: str
    """Where it runs; empty for a command of ours."""
    argv: tuple[str, ...]
    promised: tuple[str, ...]


def commands(page: str) -> Iterator[Line]:
    """Yield the commands of a page of docs/."""
    for block in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        yield from _commands(block.splitlines())


def _commands(lines: list[str]) -> Iterator[Line]:
    starts = [number for number, line in enumerate(lines) if _COMMAND.fullmatch(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = _COMMAND.fullmatch(lines[start])
        assert found
        yield Line(found[1] or "", _argv(found[2], bool(found[1])), tuple(lines[start + 1 : end]))


def _argv(command: str, on_host: bool) -> tuple[str, ...]:
    """Return what runs: on a host it is for the shell there, as it would be typed."""
    return ("sh", "-c", command) if on_host else tuple(shlex.split(command))


def missing(promised: tuple[str, ...], printed: str) -> str:
    """Return the first promised line that is not printed after those before it; empty when all are."""
    at, text = 0, re.sub(r"[ \t]+", " ", printed)
    for line in promised:
        words = re.sub(r"[ \t]+", " ", line.strip())
        pattern = r".*".join(re.escape(part.strip()) for part in words.split("…"))
        found = re.compile(pattern).search(text, at)
        if not found:
            return line
        at = found.end()
    return ""


def carry_out(page: str, hostgw: Run) -> int:
    """Carry a page out, with its lab under a name of ours; return how many commands it has. Nothing stays behind."""
    story = tuple(commands(page))
    named = story[0].argv[story[0].argv.index("up") + 1]
    with vanishing(f"p{os.getpid()}{named}"[:16]) as name:
        for line in story:
            code, printed = _done(line, hostgw, named, name)
            allowed = (0, 1) if {"check", "trace", "fix"} & {*line.argv} else (0,)  # 1: something is not right yet
            assert code in allowed, (line.argv, code, printed[-3000:])
            assert not (lost := missing(line.promised, printed)), (line.argv, lost, printed[-4000:])
    return len(story)


def _done(line: Line, hostgw: Run, named: str, name: str) -> tuple[int, str]:
    """Run a command in the lab `name`, which the page calls `named`; return how it ended and what it printed."""
    if line.host:
        done = labs.load(name).exec(line.host, line.argv, capture_output=True, text=True, timeout=120, check=False)
    else:
        pairs = zip(line.argv, ("", *line.argv), strict=False)
        words = [name if word == named and before != "--variant" else word for word, before in pairs]
        done = hostgw(*words[1:], timeout=120)
    return done.returncode, f"{done.stdout}\n{done.stderr}".replace(name, named)


@contextmanager
def vanishing(name: str) -> Iterator[str]:
    """Yield the name of a lab, of which nothing stays behind: no process, namespace, cgroup or mount."""
    try:
        yield name
    finally:
        if name in labs.names():
            labs.down(name)
    assert not list(Path("/sys/fs/cgroup").glob(f"**/hgw-{name}-*"))
    assert not list(Path("/run/netns").glob(f"hgw-{name}-*"))
    assert name not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
