"""The setup screen: a network and a subnet per host are asked for, and judged while they are typed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hostgw.errors import HostgwError
from hostgw.plans.model import Outcome, Plan
from hostgw.plans.setup.form import Draft, Form
from hostgw_tui.actions import bindings
from hostgw_tui.look import Line, Part, Tone, cell, line
from hostgw_tui.setup.fields import Field, SubnetGrid, Switch
from hostgw_tui.setup.rows import INTRO, HostRows, bridge_line, network_line, state_line
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

NOTHING = "nothing is missing"
ROOM, TALL = 4, 34
"""Hosts beside which the introduction has room too, and lines of a terminal that has room for both."""


class SetupDialog(ModalScreen[None]):
    """Asks for what `hostgw-tui setup` takes; `enter` opens the preview."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("setup")]
    AUTO_FOCUS = "#network"

    class Planned(Message):
        """A plan was made of the form, or it cannot be."""

        def __init__(self, plan: Plan | None, error: str = "") -> None:
            super().__init__()
            self.plan, self.error = plan, error

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self._draft = Draft(None)
        self._view_number = -1
        self._made = False

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the fields, the table of subnets, the verdict and the keys."""
        with Vertical(classes="dialog tall wide") as box:
            box.border_title = "Set up a host-gw network"
            box.border_subtitle = "nothing is changed here"
            yield Reader([cell(INTRO, Tone.DIM)], id="intro")
            yield Field("network", "network", self.form.network, "10.239.0.0/16")
            yield Field("bridge", "bridge", self.form.bridge, "br0")
            yield Switch("SNAT: to the outside, with the host's address", self.form.nat)
            yield SubnetGrid(self._subnet_typed)
            yield Reader(id="verdict")
            yield Static(id="setup-keys", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Judge what is suggested, and follow the hosts."""
        many = len(self.hostgw.shown.fabric.hosts) > ROOM
        self.query_one("#intro").display = not many or self.app.size.height >= TALL
        self._judge()
        self.set_interval(1.0, self._follow)

    def on_screen_resume(self) -> None:
        """Close when the network was made; else show what changed meanwhile."""
        if self._made:
            self.dismiss()

    def _follow(self) -> None:
        if self.hostgw.shown.number != self._view_number and self.is_current:
            self._judge()

    # ---- judging ----

    def _judge(self) -> None:
        self._view_number = self.hostgw.shown.number
        self._draft = self.hostgw.engine.setting_up.draft(self.form)
        self._show()

    def _show(self) -> None:
        draft, grid = self._draft, self.query_one(SubnetGrid)
        grid.texts = {host.name: host.subnet for host in draft.hosts}
        editing = grid.current.key if grid.current and grid.has_focus else ""
        grid.show(HostRows(draft.hosts, editing), (cell("No hosts are listed.", Tone.NOTE),))
        network, bridge = self.query(Field)
        network.remark(network_line(draft))
        bridge.remark(bridge_line(draft))
        self._say(state_line(draft))
        self.query_one("#setup-keys", Static).update(content([self._keys()]))

    def _say(self, text: Line) -> None:
        self.query_one("#verdict", Reader).show([text])

    def _keys(self) -> Line:
        last = (("tab", "next"), ("enter", "preview"), ("esc", "cancel"))
        if isinstance(self.focused, SubnetGrid):
            return hint(("0-9", "type"), ("del", "none"), ("r", "suggest"), *last)
        return hint(*((("space", "change"),) if isinstance(self.focused, Switch) else ()), *last)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        value, network = event.value, event.input.id == "network"
        form = replace(self.form, network=value) if network else replace(self.form, bridge=value)
        if form != self.form:
            self.form = form
            self._judge()

    @on(Switch.Changed)
    def _switched(self, event: Switch.Changed) -> None:
        self.form = replace(self.form, nat=event.value)

    def _subnet_typed(self, host: str, text: str | None) -> None:
        """Take a subnet at once, for enter may come next, and show it soon."""
        others = {name: held for name, held in self.form.subnets.items() if name != host}
        self.form = replace(self.form, subnets=others if text is None else {**others, host: text})
        self.call_next(self._judge)

    @on(Grid.Moved)
    def _moved(self) -> None:
        self._show()

    def on_descendant_focus(self) -> None:
        """Show the keys of what has the focus, and the caret."""
        self._show()

    def on_descendant_blur(self) -> None:
        """Take the caret away."""
        self._show()

    # ---- going on ----

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_preview()

    def action_preview(self) -> None:
        """Work the plan out and show it."""
        self._judge()
        if self._draft.wishes is not None:
            self._say(line(Part("◌ working out what is missing …", Tone.NOTE)))
            self._plan(self.form)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _plan(self, form: Form) -> None:
        """Plan beside the loop: many hosts need many routes."""
        try:
            self.post_message(self.Planned(self.hostgw.engine.setting_up.plan(form)))
        except HostgwError as error:
            self.post_message(self.Planned(None, str(error)))

    @on(Planned)
    def _planned(self, message: Planned) -> None:
        self._say(state_line(self._draft))
        if message.plan is None:
            self._say(cell(f"✗ {message.error}", Tone.BAD))
        elif message.plan.refused == NOTHING:
            self._say(line(Part("✓ nothing is missing: ", Tone.OK), "these hosts are this network already"))
        else:
            self.hostgw.preview_plan(message.plan, "Set up", self._kept)

    def _kept(self, outcome: Outcome) -> None:
        """Hold on to the network: it is told now, where it was only seen before."""
        if self._draft.network:
            self.hostgw.engine.setting_up.tell_network(self._draft.network)
        self._made = True

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss()
