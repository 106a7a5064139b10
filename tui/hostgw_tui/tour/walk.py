"""Hold lessons: explain, send the probe, bring the fault about, and heal it whatever happens."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from hostgw import lab as labs
from hostgw.clean import clean
from hostgw.errors import LabError
from hostgw.lab import Fault, Lab
from hostgw.lab.faults import check_fit, find
from hostgw.live import Live
from hostgw.live.places import owners
from hostgw.live.tracing import Tracing, trace
from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.paths.predict import find_end
from hostgw.report.trace import trace_text
from hostgw_tui.commands.output import narrate
from hostgw_tui.tour.lessons import Lesson
from hostgw_tui.tour.noticed import noticed

SEEN_S = 30.0
"""How long the checks may take to see a fault, or that it is gone."""
Handler = Callable[[int, FrameType | None], object] | signal.Handlers
_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Walk:
    """Where lessons are held, and to whom."""

    lab: Lab
    live: Live
    tell: Callable[[Iterable[str]], None]
    """Print paragraphs and tables."""
    pause: Callable[[str], None]
    """Wait until the reader wants what is named; raises EOFError when he wants no more."""


def hold(walk: Walk, number: int, lesson: Lesson) -> None:
    """Hold one lesson.

    Raises:
        LabError: the fault cannot be brought about, or not be healed.
        HostgwError: the probe cannot be sent.
        EOFError: the reader has had enough.
    """
    walk.tell(("", f"== {number}. {lesson.title} ==", "", lesson.text, ""))
    _show(walk, lesson)
    fault = find(lesson.fault)
    try:
        check_fit(walk.lab, fault)
    except LabError as error:
        walk.tell(
            ("", f"One thing to try, on a plain lab of 3 hosts: {fault.id}, {fault.title}. Not here: {error.what}")
        )
        return
    _try(walk, lesson, fault)


def _try(walk: Walk, lesson: Lesson, fault: Fault) -> None:
    walk.tell(("", f"One thing to try: {fault.id}, {fault.title}.", lesson.trial))
    walk.pause("enter breaks it")
    with _interrupted_once():
        try:
            walk.tell(("", "Break it:", *commands(walk.lab, fault)))
            labs.break_(walk.lab.name, fault.id)
            _show_broken(walk, lesson, fault)
            walk.pause("look around from another terminal; enter heals it")
        finally:
            with _undisturbed():
                narrate(f"healed: {', '.join(labs.heal(walk.lab.name)) or 'nothing differed'}")
    _show_healed(walk, lesson, fault)


def commands(lab: Lab, fault: Fault) -> Iterator[str]:
    """Yield what makes a fault, and how to look at it and heal it by hand."""
    for step in fault.steps:
        yield f"  {step.place}# {shlex.join(step.argv)}"
    own = (f"lab break {lab.name} {fault.id}", f"--lab {lab.name} check", f"lab heal {lab.name}")
    yield f"  (by hand: {'; '.join(f'hostgw-tui {each}' for each in own)})"


def _show(walk: Walk, lesson: Lesson) -> None:
    found = probe(walk.live, lesson)
    walk.tell(("A probe, at every tap:", "", *_indented(trace_text(found, owners(walk.live.view().fabric)))))
    walk.tell(("", "Notice:", *(f"- {sentence}" for sentence in noticed(found))))


def probe(live: Live, lesson: Lesson) -> Tracing:
    """Send the probe of a lesson."""
    view = live.view()
    source, destination = (find_end(view.fabric, view.mesh, text) for text in (lesson.source, lesson.destination))
    return trace(live, source, destination)


def _show_broken(walk: Walk, lesson: Lesson, fault: Fault) -> None:
    view = walk.live.wait(lambda view: len(findings(view, fault)) == len(fault.expected), SEEN_S)
    walk.tell(("", "See it. What `check` says:"))
    seen = findings(view, fault)
    walk.tell(f"- {clean(f'{each.code} on {each.host}: {each.summary}; {each.effect}')}" for each in seen)
    if not seen:
        walk.tell((f"- nothing of it within {SEEN_S:g} s",))
    walk.tell(("",))
    _show(walk, lesson)


def _show_healed(walk: Walk, lesson: Lesson, fault: Fault) -> None:
    view = walk.live.wait(lambda view: not view.listed and not findings(view, fault), SEEN_S)
    found = probe(walk.live, lesson)
    verdict = found.probes[0].verdict.value if found.probes else "lost"
    left = f"{len(view.listed)} findings left" if view.listed else "no finding is left"
    walk.tell(("", f"Fixed: the lab is as it was, {left}, and the same probe is {verdict}."))


def findings(view: View, fault: Fault) -> tuple[Finding, ...]:
    """Return the findings that a fault must bring, as far as they are there."""
    wanted = {(each.code, each.host, each.subject) for each in fault.expected}
    return tuple(each for each in view.findings if (each.code, each.host, each.subject) in wanted)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in lines)


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """Let the first signal interrupt, and none after it: a second one must not keep the lab from being healed."""
    before = {number: handler for number in _HEARD if callable(handler := signal.getsignal(number))}

    def first(number: int, frame: FrameType | None) -> None:
        for each in _HEARD:
            signal.signal(each, signal.SIG_IGN)
        before[signal.Signals(number)](number, frame)

    with _handled(dict.fromkeys(before, first)):
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hear no signal meanwhile, nor let the commands that are run hear one: half healed is worse than late."""
    with _handled(dict.fromkeys(_HEARD, signal.SIG_IGN)):
        yield


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Let signals be handled otherwise meanwhile."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
