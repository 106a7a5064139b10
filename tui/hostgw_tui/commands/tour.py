"""`hostgw-tui lab tour`: lessons on a lab that runs."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator

from hostgw.errors import LabError, UsageError
from hostgw.lab import Lab, differences, load, names, state, store
from hostgw.lab.life import need_root
from hostgw_tui.commands.output import write_lines
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import running
from hostgw_tui.tour.facts import facts
from hostgw_tui.tour.lessons import LESSONS, Lesson, filled
from hostgw_tui.tour.walk import Walk, hold

WIDEST, LEAST = 100, 40
EXIT_UNREACHED = 3
_TABLE = re.compile(r"  |== ")
"""Lines that begin so are not wrapped."""


def run(args: argparse.Namespace) -> int:
    """Hold the lessons asked for; 0 at their end, also when the reader leaves before.

    Raises:
        LabError: there is no such lab, it cannot show the lessons, or it is not as it was built.
        UsageError: there is no such lesson.
    """
    if args.list:
        write_lines(f"{number}. {lesson.title}" for number, lesson in enumerate(LESSONS, 1))
        return 0
    asked = _asked(args.lesson)
    need_root()
    lab = _standing(args.name)
    words = facts(lab)
    _need_whole(lab)
    args.lab, args.hosts, args.inventory = lab.name, None, None
    with running(args) as live:
        if reached(live.view()) == EXIT_UNREACHED:
            return EXIT_UNREACHED
        alone = args.all or not (sys.stdin.isatty() and sys.stdout.isatty())
        walk = Walk(lab, live, lambda lines: write_lines(_wrapped(lines)), _go_on if alone else _wait)
        try:
            _hold_all(walk, {number: filled(lesson, words) for number, lesson in asked.items()})
        except EOFError:
            write_lines(("",))
    return 0


def _hold_all(walk: Walk, lessons: dict[int, Lesson]) -> None:
    for place, (number, lesson) in enumerate(lessons.items()):
        if place:
            walk.pause("enter for the next lesson")
        hold(walk, number, lesson)


def _asked(number: int | None) -> dict[int, Lesson]:
    every = dict(enumerate(LESSONS, 1))
    if number is None:
        return every
    if number not in every:
        raise UsageError(f"there is no lesson {number}", "", f"They are numbered from 1 to {len(every)}: --list.")
    return {number: every[number]}


def _standing(name: str) -> Lab:
    if name not in names():
        others = f"; or take one that stands: {', '.join(names())}" if names() else ""
        remedy = f"start it: hostgw-tui lab up {name} --hosts 3, then: hostgw-tui lab tour {name}{others}"
        raise LabError(f"there is no lab {name}", remedy=remedy)
    return load(name)


def _need_whole(lab: Lab) -> None:
    """Look whether the lab is as it was built: healing after a lesson would take back what somebody changed."""
    if lab.shape.kind.ordinary and (found := differences(store.baseline(lab.name), state(lab))):
        what = f"lab {lab.name} is not as it was built, and the tour would heal that, too"
        raise LabError(what, f"different: {', '.join(found)}", f"hostgw-tui lab heal {lab.name}")


def _go_on(_: str) -> None:
    """Nobody is there to wait for."""


def _wait(what: str) -> None:
    if input(f"\n[{what}, q ends] ").strip().lower() in ("q", "quit"):
        raise EOFError


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    width = max(LEAST, min(shutil.get_terminal_size().columns, WIDEST))
    for line in lines:
        if not line or _TABLE.match(line):
            yield line
            continue
        after = "  " if line.startswith("- ") else ""
        yield from textwrap.wrap(line, width, subsequent_indent=after, break_on_hyphens=False, break_long_words=False)
