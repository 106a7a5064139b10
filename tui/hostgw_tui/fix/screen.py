"""The fix dialog: preview, apply, outcome. Nothing changes before `a`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from hostgw.errors import HostgwError
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.persist import OFFER, may_last
from hostgw.plans.running import Run
from hostgw_tui.actions import bindings
from hostgw_tui.fix.rows import (
    Choice,
    can_apply,
    commands_text,
    gone_lines,
    outcome_lines,
    plan_lines,
    run_lines,
    watch_lines,
)
from hostgw_tui.look import Line, Part, Tone, cell, line
from hostgw_tui.widgets.dialog import LEAST_TEXT, SCROLLING, DialogText, hint
from hostgw_tui.widgets.layout import wrapped
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp


TICK_S = 0.5
MORE_S = 60.0
ASIDE = 3
"""Cells that border and padding take from the lines of the outcome."""
CONTEXT = 3
"""Lines that shall be seen below the head of the step under the cursor."""


class FixDialog(ModalScreen[None]):
    """Shows a plan and carries it out on demand."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("fix"), *SCROLLING]
    AUTO_FOCUS = "#cancel"

    def __init__(self, plan: Plan, what: str = "", then: Callable[[Outcome], None] = lambda outcome: None) -> None:
        """`what` names what the plan does, in one word; `then` is called when it was applied and confirmed."""
        super().__init__()
        self._whole, self._what, self.then = plan, what, then
        self.choice = Choice(free=not plan.undoes)
        self.outcome: Outcome | None = None
        self.run: Run | None = None
        """The run of the plan, while it is being applied."""
        self._put_back: tuple[str, ...] | None = None

    @property
    def plan(self) -> Plan:
        """The plan less what was left out."""
        return self._whole.without(self.choice.left_out) if self.choice.left_out else self._whole

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the preview, the place of the outcome, Cancel and the keys."""
        with Vertical(classes="dialog wide") as box:
            files = any(step.diff for step in self.plan.steps)
            what = self._what or ("Undo" if self.plan.undoes else "Persist" if files else "Fix")
            not_so = "not by a key" if what == "Fix" else "not possible"
            possible = can_apply(self.plan)
            box.border_title = Content(f"{what}: {'preview' if possible else not_so}")
            box.border_subtitle = "nothing is changed yet" if possible else ""
            with DialogText():
                yield Reader(plan_lines(self._whole, self.choice), id="plan")
            yield Reader(id="outcome")
            with Horizontal(classes="dialog-keys"):
                yield Button("Cancel" if possible else "Close", id="cancel", compact=True)
                yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Show the keys, and count down while hosts wait to be confirmed."""
        self._say(())
        self.set_interval(TICK_S, self._tick)

    def on_resize(self) -> None:
        """Fit the text to the screen."""
        self._fit()

    def _fit(self) -> None:
        """Leave room for the outcome, wrapped, and the keys below it: the plan gives way first."""
        text, outcome = self.query_one(DialogText), self.query_one("#outcome", Reader)
        lines = wrapped(outcome.lines, text.outer_size.width - ASIDE)
        text.fit(len(lines) + 1 if outcome.display else 0)
        outcome.styles.max_height = text.room - LEAST_TEXT - 1

    def _why_not(self) -> str:
        """Return why `a` does nothing; empty when it does."""
        if self.run:
            return "it is being applied"
        if self.outcome:
            return "it has been applied; look again for what is left"
        if not can_apply(self.plan):
            nothing = "every step is left out: space takes one in" if self.choice.left_out else ""
            return self.plan.refused or nothing or "nothing here can be applied by a key"
        return self.hostgw.refusal

    def _say(self, lines: tuple[Line, ...]) -> None:
        outcome = self.query_one("#outcome", Reader)
        outcome.display = bool(lines)
        outcome.show(lines)
        self._fit()
        self.query_one("#keys", Static).update(content([self._keys()]))

    def _keys(self) -> Line:
        if self.outcome:
            undo = hint(("u", "undo")) if self._undoable else ()
            last = hint(("p", "make it last")) if self._may_last else ()
            return (*undo, *last, *hint(("esc", "close")))
        if self.run:
            return hint(("b", "back now"), ("+", "a minute more"), ("esc", "close, it goes on"))
        copy = hint(("y", "copy commands")) if self.plan.steps else ()
        steps = ("↑↓ space", "choose") if self.choice.free else ("↑↓", "steps")
        choose = hint(steps if self._choosing else ("↑↓", "scroll"))
        apply = hint(self._apply_key) if not self._why_not() else self._greyed()
        leave = hint(("esc", "cancel" if can_apply(self.plan) or self.choice.left_out else "close"))
        return (*apply, *choose, *copy, *leave)

    @property
    def _apply_key(self) -> tuple[str, str]:
        return ("M", "apply, though it may cut you off") if self.plan.management else ("a", "apply")

    def _greyed(self) -> Line:
        if not can_apply(self.plan):
            return ()
        return line(Part(f" a apply ({why.partition(':')[0]})  ", Tone.DIM)) if (why := self.hostgw.refusal) else ()

    @property
    def _undoable(self) -> bool:
        """Something was changed that can be taken back from here; an undo is not undone, but fixed again."""
        return self._kept and not self.plan.undoes

    @property
    def _may_last(self) -> bool:
        """What was changed is gone after a reboot, unless files say otherwise."""
        return self._kept and may_last(self.plan)

    @property
    def _kept(self) -> bool:
        return self.outcome is not None and self.outcome.result is Result.VERIFIED

    # ---- actions ----

    @property
    def _choosing(self) -> bool:
        """There are several steps, and nothing is done yet."""
        return len(self._whole.steps) > 1 and can_apply(self._whole) and not (self.run or self.outcome)

    def action_scroll(self, by: int) -> None:
        """Go to the next step, where there are several; else, or by pages, scroll the plan."""
        if not self._choosing or abs(by) > 1:
            self.query_one(DialogText).scroll_relative(y=by, animate=False)
            return
        self._choose(self.choice.moved(by, len(self._whole.steps)))

    def action_choose_step(self) -> None:
        """Leave the step under the cursor out, or take it in again."""
        if self._choosing:
            self._choose(self.choice.toggled())

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        reader = self.query_one("#plan", Reader)
        reader.show(plan_lines(self._whole, choice))
        head = wrapped(tuple(plan_lines(self._whole, choice, last=choice.at)), reader.content_region.width)
        text = self.query_one(DialogText)
        top, height = text.scroll_offset.y, text.content_region.height
        if not top < len(head) <= top + height - CONTEXT:
            text.scroll_to(y=max(0, len(head) - height // 2), animate=False)
        self._say(())

    def action_apply(self) -> None:
        """Apply the plan, unless that needs the other key."""
        if self.plan.management and not self._why_not():
            self.hostgw.tell(
                f"{self.plan.management[0]}. M applies it all the same; the host takes it back if it fails."
            )
        else:
            self._apply(allow_management=False)

    def action_apply_management(self) -> None:
        """Apply the plan although it touches the way back to us."""
        if self.plan.management:
            self._apply(allow_management=True)

    def _apply(self, allow_management: bool) -> None:
        if why := self._why_not():
            self.hostgw.tell(why)
            return
        self.run = Run()
        self.query_one("#cancel", Button).label = "Close"
        box = self.query_one(".dialog", Vertical)
        box.border_title, box.border_subtitle = "Applying", ""
        self.hostgw.apply(self.plan, self, self.run, allow_management)
        self._tick()

    def _tick(self) -> None:
        gone = gone_lines(self.plan, self.hostgw.engine.view().listed)
        if not (self.run or self.outcome) and gone != self.query_one("#outcome", Reader).lines:
            self._say(gone)
        if self.run:
            stages = self.run.stages
            waiting = (cell(f"◌ applying on {', '.join(self.plan.hosts)} …", Tone.NOTE),)
            self._say(tuple(run_lines(stages, self.hostgw.now())) or waiting)

    def ended(self, outcome: Outcome) -> None:
        """Show what became of the plan."""
        self.run, self.outcome = None, outcome
        box = self.query_one(".dialog", Vertical)
        box.border_title, box.border_subtitle = "Outcome", ""
        self._show_outcome()

    def watched(self, put_back: tuple[str, ...]) -> None:
        """Show whether somebody has undone it."""
        self._put_back = put_back
        self._show_outcome()

    def _show_outcome(self) -> None:
        if self.outcome:
            watched = watch_lines(self.hostgw.engine.watch_s, self._put_back) if self._kept else ()
            offer = (cell(f"{OFFER}; p makes them last", Tone.DIM),) if self._may_last else ()
            self._say((*outcome_lines(self.outcome, self.plan), *offer, *watched))

    def action_roll_back(self) -> None:
        """Take back now what is not confirmed yet."""
        if self.run:
            self.run.roll_back()

    def action_extend(self) -> None:
        """Give a minute more to verify."""
        if self.run and self.run.pending:
            self.run.extend(MORE_S)
            self._tick()

    def action_undo(self) -> None:
        """Preview the undo of what was just applied."""
        if self._undoable and self.outcome:
            journal_id = self.outcome.journal_id
            self.dismiss()
            self.hostgw.preview_undo(journal_id)

    def action_persist(self) -> None:
        """Preview the files that make lasting what was just applied."""
        if self._may_last:
            hosts = self.plan.hosts
            self.dismiss()
            self.hostgw.preview_persist(hosts)

    def action_copy(self) -> None:
        """Copy the commands."""
        if self.plan.steps:
            self.hostgw.copy(commands_text(self.plan))

    def action_cancel(self) -> None:
        """Close; a plan that is being applied goes on, its outcome comes as a toast."""
        if self.run:
            self.hostgw.tell("still being applied; the outcome will be told here")
        self.dismiss()

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()


def outcome_of(future: Future[Outcome]) -> Outcome:
    """Return how a plan ended; an exception is an end as well."""
    error = future.exception()
    if error is None:
        return future.result()
    text = str(error) if isinstance(error, HostgwError) else f"{type(error).__name__}: {error}"
    return Outcome(Result.FAILED, text)
