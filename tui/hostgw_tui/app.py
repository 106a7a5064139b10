"""The dashboard: which screen is shown, what view it shows, and what works everywhere."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.command import Provider
from textual.message import Message
from textual.screen import Screen
from textual.widget import AwaitMount

from hostgw.errors import HostgwError
from hostgw_tui.actions import EVERYWHERE, keys_of
from hostgw_tui.changing import Changing, beside
from hostgw_tui.coming import Coming, Made
from hostgw_tui.engine import Engine
from hostgw_tui.jumping import Jumping
from hostgw_tui.jumps import Jump, of_finding
from hostgw_tui.look import Line, line
from hostgw_tui.overview.rows import finding_details
from hostgw_tui.palette import ActionProvider
from hostgw_tui.palette_places import PlaceProvider
from hostgw_tui.probing_all import ProbingAll
from hostgw_tui.prompts import DialogPrompter
from hostgw_tui.pulse import Pulse
from hostgw_tui.replay.controls import Replaying
from hostgw_tui.sharing import Sharing
from hostgw_tui.shell import READ_S
from hostgw_tui.turns import Turns
from hostgw_tui.widgets.dialog import TextDialog
from hostgw_tui.widgets.filter_input import Past
from hostgw_tui.widgets.main_screen import MainScreen

if TYPE_CHECKING:
    from hostgw.live.view import View
    from hostgw.model.finding import Finding

REMOTE_FPS = 4
"""Repaints a second when the operator's own terminal is behind SSH."""
IDLE_S, APART_S = 0.5, 0.15
"""Without a key for so long, screens are made that nobody has asked for yet; apart, so that a key finds its turn."""
DIALOGS = ("fix", "undo", "setup")
LEAVING = ("app.leave", "app.interrupt")
MOST_EARLY = 64
"""Keys that are kept until there is an engine."""
Answer = tuple[str, Callable[[], None]]


def _screen(module: str, name: str) -> Callable[[], Screen[None]]:
    """Return what makes a screen when it is first shown, and imports it only then."""
    return lambda: cast("Screen[None]", getattr(import_module(f"hostgw_tui.{module}.screen"), name)())


class HostgwApp(Replaying, Jumping, Sharing, Changing, ProbingAll):
    """Paints views of an engine. It starts the engine after the first frame; the caller stops it afterwards."""

    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        name: _screen(name, f"{title}Screen")
        for name, title in zip(EVERYWHERE, ("Overview", "Host", "Routes", "Nat", "Packets", "Path"), strict=True)
    }
    DEFAULT_MODE = "overview"
    COMMANDS: ClassVar[set[type[Provider]]] = {ActionProvider, PlaceProvider}  # type: ignore[assignment]
    ENABLE_COMMAND_PALETTE = True

    class EngineMade(Message):
        """There is an engine, or a reason why there is none."""

        def __init__(self, made: Future[Made]) -> None:
            super().__init__()
            self.made = made

    class ScreensImported(Message):
        """All screens can be made quickly."""

    class ViewChanged(Message):
        """The engine has another picture."""

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
        self.failed: HostgwError | None = None
        """Why there is no engine."""
        self.past = Past()
        self.host = ""
        self.lab, self.lesson = lab, 1
        self._frozen: View | None = None
        self._frozen_at = 0.0
        self._looking = (False, "")
        self._held: list[View] = []
        """The picture that was painted last: held until the next one is, it is let go beside the loop."""
        self._settling = False
        self._record_error = ""
        self._early: deque[events.InputEvent] = deque(maxlen=MOST_EARLY)
        self._leaving = {key for name in LEAVING for key in keys_of(name)}
        self._pressed_at = time.monotonic()
        remote = bool(os.environ.get("SSH_CONNECTION"))
        self.fps = min(fps, REMOTE_FPS) if remote else fps
        self._turns = Turns(self.set_timer)
        self._pulse = Pulse(self._another_view, self.fps)

    # ---- life ----

    def on_mount(self) -> None:
        """Follow the engine, or have it made, when there is a picture."""
        self._pulse.start()
        if isinstance(self.engine, Coming):
            self.call_after_refresh(self.engine.begin, lambda made: self.post_message(self.EngineMade(made)))
        else:
            self._follow()

    def _follow(self) -> None:
        self.engine.subscribe(self._pulse.touch)
        self.engine.start()
        self._pulse.touch()

    @on(EngineMade)
    def _engine_made(self, message: EngineMade) -> None:
        """Go on with the real engine; without one there is nothing to show."""
        if message.made.cancelled():  # we are leaving
            return
        error = message.made.exception()
        if isinstance(error, HostgwError):
            self.failed = error
            self.exit()
            return
        self.engine, self.wall_clock, remarks, hint = message.made.result()
        self.now = self.wall_clock if self.engine.is_recording else time.monotonic
        for text in remarks:
            self.tell(text, "warning")
        if hint:
            self.tell(hint, timeout=READ_S)
        self.look_again()
        for screen in self._painted():
            screen.fed()
        self._follow()
        while self._early:
            self.post_message(self._early.popleft())

    def on_unmount(self) -> None:
        """Follow no more."""
        self._pulse.stop()
        self._turns.lengthen()

    def _another_view(self) -> None:
        self.post_message(self.ViewChanged())

    async def on_event(self, event: events.Event) -> None:
        """Let what works in the background rest while a key or the mouse is answered."""
        if isinstance(event, events.InputEvent):
            if self._too_early(event):
                self._early.append(event)
                return
            self._pressed_at = time.monotonic()
            self._turns.shorten()
            self.engine.give_way()
        await super().on_event(event)

    def _too_early(self, event: events.InputEvent) -> bool:
        """Tell whether a key or the mouse may ask for what only an engine knows; leaving needs none."""
        leaving = isinstance(event, events.Key) and event.key in self._leaving
        return isinstance(self.engine, Coming) and not leaving and not event.is_forwarded

    # ---- screens beforehand: the first key for one is then answered like any other ----

    def _import_screens(self) -> None:
        for name in (*EVERYWHERE, *DIALOGS):
            import_module(f"hostgw_tui.{name}.screen")
        self.post_message(self.ScreensImported())

    @on(ScreensImported)
    def _make_next_screen(self) -> None:
        """Make a main screen that was not shown yet, while nobody is busy with the keys."""
        waiting = next((mode for mode in self.MODES if not self._screen_stacks.get(mode)), None)
        if waiting is None or not self.is_running:
            return
        if idle := time.monotonic() - self._pressed_at > IDLE_S:
            self._init_mode(waiting)
        self.set_timer(APART_S if idle else IDLE_S, self._make_next_screen)

    def _handle_exception(self, error: Exception) -> None:
        """Log what ends the dashboard before its traceback is shown."""
        logging.getLogger(__name__).critical("the dashboard failed", exc_info=error)
        super()._handle_exception(error)

    # ---- the view ----

    @property
    def shown(self) -> View:
        """The picture on the screens: the latest, or the frozen one."""
        return self._frozen or self.engine.view()

    @property
    def moment(self) -> float:
        """When that picture is of, by the clock by which hosts were heard."""
        return self._frozen_at if self._frozen else self.now()

    def seen(self, screen: Screen[None]) -> bool:
        """Tell whether a screen can be seen, perhaps behind a dialog."""
        return self.is_running and screen in self.screen_stack

    @on(ViewChanged)
    def _changed(self) -> None:
        view = self.engine.view()
        if not self._settling and view.settled:
            self._settling = True
            beside(self._settle)
            beside(self._import_screens)
        if (error := self.engine.record_error) and error != self._record_error:
            self._record_error = error
            self.tell(error, "error")
        self.remask()
        self.stop_at_finding(view)
        if not self.paused:
            began = time.perf_counter()
            for screen in self._painted():
                screen.renew()
            self._pulse.took(2 * (time.perf_counter() - began))  # what is painted has then to be put together
        self.releaser.take(*self._held)
        self._held[:] = [view]

    def _repaint(self) -> None:
        for screen in self._painted():
            screen.repaint()

    def _painted(self) -> list[MainScreen]:
        """Return the screens that can be painted; an app that ends takes theirs apart."""
        return [s for s in self.screen_stack if isinstance(s, MainScreen) and s.is_mounted and self.seen(s)]

    def switch_mode(self, mode: str) -> AwaitMount:
        """Show another screen; one that is made already is painted before it is seen, not after."""
        ahead = next(reversed(self._screen_stacks.get(mode, [])), None)
        self.painted_ahead = isinstance(ahead, MainScreen) and ahead.paint_ahead()
        try:
            return super().switch_mode(mode)
        finally:
            self.painted_ahead = False

    def look(self, counters: bool, host: str = "") -> None:
        """Have hosts, or one of them, report counters while a screen shows them."""
        if (counters, host) != self._looking:
            self._looking = (counters, host)
            self.engine.look(counters, host)

    def look_again(self) -> None:
        """Say again what is looked at, to hosts that may have been told otherwise."""
        looking, self._looking = self._looking, (False, "")
        self.look(*looking)

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

    # ---- actions ----

    def action_show(self, name: str) -> None:
        """Show a main screen."""
        self.switch_mode(name)

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
        self._frozen, self._frozen_at = (self.engine.view(), self.now()) if self.paused else (None, 0.0)
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
        self.read("help", help_lines(scope, self.engine.is_recording))

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
