"""What the app does of changes: plans are previewed, applied, watched and taken back, and their ends told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from hostgw.errors import HostgwError
from hostgw_tui.engine import Engine
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.shell import Shell

if TYPE_CHECKING:
    from hostgw.live.view import View
    from hostgw.model.finding import Finding
    from hostgw.plans.model import Outcome, Plan
    from hostgw.plans.running import Run
    from hostgw.wire import Guarded
    from hostgw_tui.fix.screen import FixDialog


def beside(job: Callable[[], None]) -> None:
    """Do something that takes long beside everything else; leaving does not wait for it, as it would for a worker."""
    threading.Thread(target=job, name="hostgw-beside", daemon=True).start()


class Changing(Shell):
    """An app that changes hosts, never without a preview; the dialogs are imported when they are first shown."""

    engine: Engine
    wall_clock: Callable[[], float]
    """The time of the picture in epoch seconds."""
    applying: Run | None = None
    """The plan that was applied last, as somebody sees it who watches."""

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

    @property
    def shown(self) -> View:
        """The picture on the screens."""
        raise NotImplementedError

    def current_host(self) -> str:
        """Return the host that the screens of one host show."""
        raise NotImplementedError

    def read(self, title: str, lines: Iterable[Line]) -> None:
        """Show lines in a box."""
        raise NotImplementedError

    # ---- what screens ask for ----

    def preview(self, findings: Sequence[Finding]) -> None:
        """Show the plan that mends findings."""
        self.preview_plan(self.engine.plan(findings))

    def preview_plan(self, plan: Plan, what: str = "", then: Callable[[Outcome], None] = lambda _outcome: None) -> None:
        """Show a plan; `then` is called when it was applied and confirmed."""
        from hostgw_tui.fix.screen import FixDialog

        self.push_screen(FixDialog(plan, what, then))

    def preview_undo(self, journal_id: str, since: bool = False) -> None:
        """Show the plan that takes back a journal entry, or it and all later ones."""
        try:
            plan = self.engine.undo_since(journal_id) if since else self.engine.undo_plan(journal_id)
        except HostgwError as error:
            self.tell(str(error), "warning")
        else:
            self.preview_plan(plan)

    def end_pending(self, host: str, guard: str) -> None:
        """Have a change that waits on a host taken back now; a toast says what came of it."""

        def ended(future: Future[Guarded]) -> None:
            if error := future.exception():
                text = f"{host}: not taken back ({error})"
            else:
                reply = future.result()
                text = f"{host}: {'taken back' if reply.done else f'NOT taken back wholly: {reply.detail}'}"
            self.post_message(self.Told(text))
            beside(self._settle)

        self.engine.roll_back(host, guard).add_done_callback(ended)

    def preview_persist(self, hosts: Sequence[str] = ()) -> None:
        """Show the plan that makes lasting what hosts have now; their files are read for it."""
        self.tell("reading the files …")
        beside(lambda: self._plan_persist(hosts))

    def _plan_persist(self, hosts: Sequence[str]) -> None:
        try:
            self.post_message(self.PlanMade(self.engine.persist_plan(hosts)))
        except HostgwError as error:
            self.post_message(self.Told(str(error)))

    @on(PlanMade)
    def _made(self, message: PlanMade) -> None:
        plan = message.plan
        if plan.steps:
            self.preview_plan(plan)
        else:
            notes = (line(Part(text, Tone.DIM)) for text in plan.notes)
            self.read("Persist", (line(f"{plan.title}: {plan.refused}."), *notes))

    def apply(self, plan: Plan, dialog: FixDialog, run: Run, allow_management: bool) -> None:
        """Apply a plan; the outcome goes to `dialog`, or into a toast when that was left."""
        from hostgw_tui.fix.screen import outcome_of

        self.applying = run
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
        from hostgw.plans.model import Result
        from hostgw_tui.fix.rows import RESULTS

        outcome = message.outcome
        good = outcome.result is Result.VERIFIED
        if good:
            message.dialog.then(outcome)
            beside(lambda: self._watch(message.dialog, outcome))
        if message.dialog in self.screen_stack:
            message.dialog.ended(outcome)
        else:
            sign = RESULTS[outcome.result]
            self.tell(f"{sign.glyph} {sign.word}. {outcome.detail}", "information" if good else "warning")

    # ---- actions ----

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

    def action_persist(self) -> None:
        """Preview the files that make lasting what all hosts have now."""
        self.preview_persist()

    def action_fix_all(self) -> None:
        """Preview the fix of everything that is listed."""
        if found := self.shown.listed:
            self.preview(found)
        else:
            self.tell("nothing to fix: no findings")
