"""The lessons in the dashboard of a lab: read one, see its probe on Path, break what it says, find it, heal it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hostgw import lab as labs
from hostgw.errors import HostgwError
from hostgw.lab import Fault, Lab
from hostgw.lab.faults import check_fit, find
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.path.screen import PathScreen
from hostgw_tui.tour.facts import facts
from hostgw_tui.tour.lessons import LESSONS, Lesson, filled
from hostgw_tui.tour.walk import commands
from hostgw_tui.widgets.dialog import TextDialog

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

KEYS = (("p", "probe on Path"), ("b", "break it"), ("h", "heal the lab"), ("n", "next"), ("N", "previous"))


class LessonDialog(TextDialog):
    """One lesson; its keys are its result."""

    def __init__(self, lab: Lab, number: int) -> None:
        self.lab, self.number = lab, number
        self.lesson = filled(LESSONS[number - 1], facts(lab))
        self.fault = find(self.lesson.fault)
        lines = lesson_lines(lab, self.lesson, self.fault)
        super().__init__(f"lesson {number} of {len(LESSONS)}: {self.lesson.title}", lines, KEYS)


def lesson_lines(lab: Lab, lesson: Lesson, fault: Fault) -> list[Line]:
    """Return what a lesson says, and what it tries."""
    probe = f"Probe (p): {lesson.source} → {lesson.destination}"
    found = [line(lesson.text), line(), line(Part(probe, Tone.STRONG)), line()]
    try:
        check_fit(lab, fault)
    except HostgwError as error:
        return [*found, line(f"There is a fault to try on a plain lab of 3 hosts. Not here: {error}")]
    tried = line(Part(f"One thing to try (b): {fault.id}, {fault.title}. ", Tone.STRONG), lesson.trial)
    after = "Then look at the findings (1) and at the probe; mend it by f, or heal the whole lab (h)."
    return [*found, tried, line(), *(line(text) for text in commands(lab, fault)), line(), line(after)]


def show_lesson(app: HostgwApp, lab: Lab, number: int) -> None:
    """Open a lesson, and do what its keys ask for.

    Raises:
        LabError: the lab cannot show the lessons.
    """
    dialog = LessonDialog(lab, (number - 1) % len(LESSONS) + 1)

    def answered(key: str | None) -> None:
        if key in ("n", "N"):
            show_lesson(app, lab, dialog.number + (1 if key == "n" else -1))
        elif key == "p":
            _probe(app, dialog.lesson)
        elif key == "b":
            _change(app, lambda: _broken(lab, dialog.fault))
        elif key == "h":
            _change(app, lambda: _healed(lab))

    app.lesson = dialog.number
    app.push_screen(dialog, answered)


def _probe(app: HostgwApp, lesson: Lesson) -> None:
    app.action_show("path")
    if isinstance(screen := app.screen, PathScreen):
        screen.call_after_refresh(screen.probe_between, lesson.source, lesson.destination)


def _change(app: HostgwApp, change: Callable[[], str]) -> None:
    """Change the lab beside everything else, and say what came of it."""
    if app.engine.read_only:
        app.tell("read-only: the lab is left as it is", "warning")
        return

    def work() -> None:
        try:
            app.post_message(app.Told(change()))
        except HostgwError as error:
            app.post_message(app.Told(str(error)))

    threading.Thread(target=work, name="hostgw-lab").start()  # no daemon: a lab that is half healed is no lab


def _broken(lab: Lab, fault: Fault) -> str:
    labs.break_(lab.name, fault.id)
    return f"{fault.id} on {fault.host}: {fault.title}"


def _healed(lab: Lab) -> str:
    return f"healed: {', '.join(labs.heal(lab.name)) or 'nothing differed'}"
