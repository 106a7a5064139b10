"""The dashboard: which screen is shown, what view it shows, and what works everywhere."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from importlib import import_module
from typing import ClassVar, cast

from textual import events, on
from textual.command import Provider
from textual.message import Message
from textual.screen import Screen

from hostgw.errors import HostgwError
from hostgw.model.finding import Finding
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.running import Run
from hostgw.wire import Guarded
from hostgw_tui.actions import EVERYWHERE
from hostgw_tui.engine import Engine, View
from hostgw_tui.fix.rows import RESULTS
from hostgw_tui.fix.screen import FixDialog, outcome_of
from hostgw_tui.jumping import Jumping
from hostgw_tui.jumps import Jump, of_finding
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.overview.rows import finding_details
from hostgw_tui.palette import ActionProvider
from hostgw_tui.palette_places import PlaceProvider
from hostgw_tui.prompts import DialogPrompter
from hostgw_tui.pulse import Pulse
from hostgw_tui.replay.controls import Replaying
from hostgw_tui.sharing import Sharing
from hostgw_tui.widgets.dialog import TextDialog
from hostgw_tui.widgets.filter_input import Past
from hostgw_tui.widgets.main_screen import MainScreen

REMOTE_FPS = 4
"""Repaints a second when the operator's own terminal is behind SSH."""
DIALOGS = ("fix", "undo", "setup")
Answer = tuple[str, Callable[[], None]]


def _screen(module: str, name: str) -> Callable[[], Screen[None]]:
    """Return what makes a screen when it is first shown, and imports it only then."""
    return lambda: cast("Screen[None]", getattr(import_module(f"hostgw_tui.{module}.screen"), name)())


def _import_screens() -> None:
    """Import what is shown later, so that the first key for it is answered like any other."""
    for name in (*EVERYWHERE, *DIALOGS):
        import_module(f"hostgw_tui.{name}.screen")


def _beside(job: Callable[[], None]) -> None:
    """Do something that takes long beside everything else; leaving does not wait for it, as it would for a worker."""
    threading.Thread(target=job, name="hostgw-beside", daemon=True).start()


class HostgwApp(Replaying, Jumping, Sharing):
    """Paints views of an engine. It starts the engine after the first frame; the caller stops it afterwards."""

    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        name: _screen(name, f"{title}Screen")
        for name, title in zip(EVERYWHERE, ("Overview", "Host", "Routes", "Nat", "Packets", "Path"), strict=True)
    }
    DEFAULT_MODE = "overview"
    COMMANDS: ClassVar[set[type[Provider]]] = {ActionProvider, PlaceProvider}  # type: ignore[assignment]
    ENABLE_COMMAND_PALETTE = True

    class ViewChanged(Message):
        """The engine has another picture."""

    class PlanEnded(Message):
        """A plan came to its end, good or bad."""

        def __init__(self, dialog: FixDialog, outcome: Outcome) -> None:
            super().__init__()
            self.dialog, self.outcome = dialog, outcome

    class Told(Message):
        """Something came to light that the person should know."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class PlanMade(Message):
        """A plan that hosts had to be asked for is there."""

        def __init__(self, plan: Plan) -> None:
            super().__init__()
            self.plan = plan

    class PlanWatched(Message):
        """It was looked whether somebody undid a plan."""

        def __init__(self, dialog: FixDialog, put_back: tuple[str, ...]) -> None:
            super().__init__()
            self.dialog, self.put_back = dialog, put_back

    def __init__(
        self,
        engine: Engine,
        prompter: DialogPrompter | None = None,
        *,
        title: str = "",
        lab: str = "",
        ascii: bool = False,  # noqa: A002
        fps: int = 10,
        look: str = "",
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(prompter or DialogPrompter(), ascii, look)
        self.engine, self.label, self.now, self.wall_clock = engine, title, clock, wall_clock
        self.paused = False
        self.remarks: tuple[str, ...] = ()
        """What is told when it opens."""
        self.past = Past()
        self.host = ""
        self.lab, self.lesson = lab, 1
        self._frozen: View | None = None
        self._looking = (False, "")
        self._settling = False
        self._record_error = ""
        remote = bool(os.environ.get("SSH_CONNECTION"))
        self.fps = min(fps, REMOTE_FPS) if remote else fps
        self._pulse = Pulse(self._another_view, self.fps)

    # ---- life ----

    def on_mount(self) -> None:
        """Follow the engine, and start it now that there is a picture."""
        for text in self.remarks:
            self.tell(text, "warning")
        self._pulse.start()
        self.engine.subscribe(self._pulse.touch)
        self.engine.start()
        self._pulse.touch()

    def on_unmount(self) -> None:
        """Follow no more."""
        self._pulse.stop()

    def _another_view(self) -> None:
        self.post_message(self.ViewChanged())

    async def on_event(self, event: events.Event) -> None:
        """Let what works in the background rest while a key or the mouse is answered."""
        if isinstance(event, events.InputEvent):
            self.engine.give_way()
        await super().on_event(event)

    def _handle_exception(self, error: Exception) -> None:
        """Log what ends the dashboard before its traceback is shown."""
        logging.getLogger(__name__).critical("the dashboard failed", exc_info=error)
        super()._handle_exception(error)

    # ---- the view ----

    @property
    def shown(self) -> View:
        """The picture on the screens: the latest, or the frozen one."""
        return self._frozen or self.engine.view()

    def seen(self, screen: Screen[None]) -> bool:
        """Tell whether a screen can be seen, perhaps behind a dialog."""
        return self.is_running and screen in self.screen_stack

    @on(ViewChanged)
    def _changed(self) -> None:
        if not self._settling and self.engine.view().settled:
            self._settling = True
            _beside(self._settle)
            _beside(_import_screens)
        if (error := self.engine.record_error) and error != self._record_error:
            self._record_error = error
            self.tell(error, "error")
        self.remask()
        if not self.paused:
            began = time.perf_counter()
            for screen in self._painted():
                screen.renew()
            self._pulse.took(2 * (time.perf_counter() - began))  # what is painted has then to be put together

    def _repaint(self) -> None:
        for screen in self._painted():
            screen.repaint()

    def _painted(self) -> list[MainScreen]:
        """Return the screens that can be painted; an app that ends takes theirs apart."""
        return [s for s in self.screen_stack if isinstance(s, MainScreen) and s.is_mounted and self.seen(s)]

    def look(self, counters: bool, host: str = "") -> None:
        """Have hosts, or one of them, report counters while a screen shows them."""
        if (counters, host) != self._looking:
            self._looking = (counters, host)
            self.engine.look(counters, host)

    def current_host(self) -> str:
        """Return the host that the screens of one host show."""
        hosts = self.shown.fabric.hosts
        if self.host not in hosts:
            self.host = next(iter(hosts), "")
        return self.host

    def step_host(self, by: int) -> None:
        """Show another host."""
        names = list(self.shown.fabric.hosts)
        if names:
            self.host = names[(names.index(self.current_host()) + by) % len(names)]
            self._repaint()

    @property
    def refusal(self) -> str:
        """Why nothing can be changed; empty when it can."""
        if self.replay:
            return "a recording: nothing can be changed"
        return "read-only: started with --read-only" if self.engine.read_only else ""

    # ---- what screens ask for ----

    def read(
        self, title: str, lines: Iterable[Line], answers: Mapping[str, Answer] | None = None, jumps: Iterable[Jump] = ()
    ) -> None:
        """Show lines in a box; its keys lead to answers, by key what it is and what then happens, and to places."""
        then = dict(answers or {}) | {jump.key: (jump.what, partial(self.jump, jump.place)) for jump in jumps}

        def answered(key: str | None) -> None:
            if key:
                then[key][1]()

        keys = [(key, what) for key, (what, _) in then.items()]
        self.push_screen(TextDialog(title, tuple(lines), keys), answered)

    def read_finding(self, finding: Finding) -> None:
        """Show what is known of a finding; from there its fix, and what it has to do with."""
        fix: dict[str, Answer] = {"f": ("fix", lambda: self.preview([finding]))}
        self.read(finding.code, finding_details(finding, self.shown), fix, of_finding(finding, self.shown))

    def preview(self, findings: Sequence[Finding]) -> None:
        """Show the plan that mends findings."""
        self.push_screen(FixDialog(self.engine.plan(findings)))

    def preview_plan(self, plan: Plan, what: str, then: Callable[[Outcome], None]) -> None:
        """Show a plan; `then` is called when it was applied and confirmed."""
        self.push_screen(FixDialog(plan, what, then))

    def preview_undo(self, journal_id: str, since: bool = False) -> None:
        """Show the plan that takes back a journal entry, or it and all later ones."""
        try:
            plan = self.engine.undo_since(journal_id) if since else self.engine.undo_plan(journal_id)
        except HostgwError as error:
            self.tell(str(error), "warning")
        else:
            self.push_screen(FixDialog(plan))

    def end_pending(self, host: str, guard: str) -> None:
        """Have a change that waits on a host taken back now; a toast says what came of it."""

        def ended(future: Future[Guarded]) -> None:
            if error := future.exception():
                text = f"{host}: not taken back ({error})"
            else:
                reply = future.result()
                text = f"{host}: {'taken back' if reply.done else f'NOT taken back wholly: {reply.detail}'}"
            self.post_message(self.Told(text))
            _beside(self._settle)

        self.engine.roll_back(host, guard).add_done_callback(ended)

    def preview_persist(self, hosts: Sequence[str] = ()) -> None:
        """Show the plan that makes lasting what hosts have now; their files are read for it."""
        self.tell("reading the files …")
        _beside(lambda: self._plan_persist(hosts))

    def _plan_persist(self, hosts: Sequence[str]) -> None:
        try:
            self.post_message(self.PlanMade(self.engine.persist_plan(hosts)))
        except HostgwError as error:
            self.post_message(self.Told(str(error)))

    @on(PlanMade)
    def _made(self, message: PlanMade) -> None:
        plan = message.plan
        if plan.steps:
            self.push_screen(FixDialog(plan))
        else:
            notes = (line(Part(text, Tone.DIM)) for text in plan.notes)
            self.read("Persist", (line(f"{plan.title}: {plan.refused}."), *notes))

    def apply(self, plan: Plan, dialog: FixDialog, run: Run, allow_management: bool) -> None:
        """Apply a plan; the outcome goes to `dialog`, or into a toast when that was left."""
        self.engine.apply(plan, run, allow_management).add_done_callback(
            lambda future: self.post_message(self.PlanEnded(dialog, outcome_of(future)))
        )

    def _settle(self) -> None:
        """Ask how changes ended that a former run left open, once all hosts have answered."""
        for text in self.engine.settle():
            self.post_message(self.Told(text))

    @on(Told)
    def _told(self, message: Told) -> None:
        self.tell(message.text, "warning")

    def _watch(self, dialog: FixDialog, outcome: Outcome) -> None:
        """Look whether somebody undoes what was confirmed."""
        self.post_message(self.PlanWatched(dialog, self.engine.watch(outcome)))

    @on(PlanWatched)
    def _watched(self, message: PlanWatched) -> None:
        if message.dialog in self.screen_stack:
            message.dialog.watched(message.put_back)
        elif message.put_back:
            self.tell("; ".join(message.put_back), "warning")

    @on(PlanEnded)
    def _ended(self, message: PlanEnded) -> None:
        outcome = message.outcome
        if outcome.result is Result.VERIFIED:
            message.dialog.then(outcome)
            _beside(lambda: self._watch(message.dialog, outcome))
        if message.dialog in self.screen_stack:
            message.dialog.ended(outcome)
        else:
            sign = RESULTS[outcome.result]
            good = outcome.result is Result.VERIFIED
            self.tell(f"{sign.glyph} {sign.word}. {outcome.detail}", "information" if good else "warning")

    # ---- actions ----

    def action_show(self, name: str) -> None:
        """Show a main screen."""
        self.switch_mode(name)

    def action_undo(self) -> None:
        """List what was done, and what of it can be taken back."""
        from hostgw_tui.undo.screen import UndoDialog

        self.push_screen(UndoDialog(self.wall_clock))

    def action_setup(self) -> None:
        """Ask for a network and subnets, and preview what makes them."""
        from hostgw_tui.setup.screen import SetupDialog

        if self.shown.fabric.readable:
            self.push_screen(SetupDialog(self.engine.setting_up.first()))
        else:
            self.tell("no host has been read yet: there is nothing to set up", "warning")

    def action_join(self) -> None:
        """Ask which host joins the network."""
        from hostgw_tui.setup.members import MemberDialog, join_form

        self.push_screen(MemberDialog(join_form(self.shown, self.engine.setting_up)))

    def action_member(self, what: str) -> None:
        """Ask which host leaves, or which namespace is attached or detached; first the host of the screen."""
        from hostgw_tui.setup.members import FORMS, MemberDialog

        self.push_screen(MemberDialog(FORMS[what](self.shown, self.engine.setting_up, self.current_host())))

    def action_topology(self) -> None:
        """Show hosts, bridges, containers and routes as a picture."""
        from hostgw_tui.topology.dialog import TopologyDialog

        self.push_screen(TopologyDialog())

    def action_lessons(self) -> None:
        """Show the lesson that was shown last, where the hosts are those of a lab."""
        if not self.lab:
            self.tell("lessons need a lab: hostgw-tui lab up --hosts 3, then hostgw-tui --lab", "warning")
            return
        from hostgw.lab import load
        from hostgw_tui.tour.dialog import show_lesson

        try:
            show_lesson(self, load(self.lab), self.lesson)
        except HostgwError as error:
            self.tell(str(error), "warning")

    def action_persist(self) -> None:
        """Preview the files that make lasting what all hosts have now."""
        self.preview_persist()

    def action_fix_all(self) -> None:
        """Preview the fix of everything that is listed."""
        if found := self.shown.listed:
            self.preview(found)
        else:
            self.tell("nothing to fix: no findings")

    def action_next_finding(self, by: int) -> None:
        """Go to the next finding, on the overview."""
        from hostgw_tui.overview.screen import OverviewScreen

        here = self.current_mode == "overview"
        self.action_show("overview")
        if isinstance(self.screen, OverviewScreen):
            self.screen.go_to_finding(by if here else 0)

    def action_retry(self) -> None:
        """Connect again where there is no connection; have the others read again."""
        if self.replay:
            self.tell("this is a recording: no host can be asked", "warning")
            return
        broken = [host.name for host in self.shown.fabric.hosts.values() if host.error]
        for name in broken:
            self.engine.retry(name)
        self.engine.refresh()
        self.tell(f"trying again: {', '.join(broken)}" if broken else "reading all hosts again")

    def action_pause(self) -> None:
        """Freeze the picture, or let it go on; a recording stands still or plays."""
        if self.replay:
            self.replay.play(not self.replay.position.playing)
            return
        self.paused = not self.paused
        self._frozen = self.engine.view() if self.paused else None
        self._repaint()

    def action_commands(self) -> None:
        """Show the commands that were run."""
        lines = [line(text) for text in self.engine.log]
        self.read("commands run", lines or [line("No command has changed anything yet.")])

    def action_events(self) -> None:
        """Show what changed."""
        from hostgw_tui.overview.events import event_lines

        none = line("Nothing has changed since all hosts were read.")
        self.read("what changed", tuple(event_lines(self.engine.events)) or (none,))

    def action_help(self) -> None:
        """Show all keys of this screen."""
        from hostgw_tui.help.rows import help_lines

        scope = self.screen.SCOPE if isinstance(self.screen, MainScreen) else "overview"
        self.read("help", help_lines(scope))

    def live_job(self) -> MainScreen | None:
        """Return the screen whose capture is running; None when there is none."""
        screens = [s for stack in self._screen_stacks.values() for s in stack if isinstance(s, MainScreen)]
        return next((screen for screen in screens if screen.busy), None)

    def action_interrupt(self) -> None:
        """Stop the running capture, else leave."""
        if job := self.live_job():
            job.stop_job()
        else:
            self.exit(return_code=0)

    def action_leave(self) -> None:
        """Leave; ask when a capture runs."""
        job = self.live_job()
        if job is None:
            self.exit(return_code=0)
            return
        asked = TextDialog("quit?", [line(job.at_stake)], [("q", "quit")])
        self.push_screen(asked, lambda key: self.exit(return_code=0) if key == "q" else None)
