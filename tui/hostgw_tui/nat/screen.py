"""NAT of one host: what becomes of four packets, the rules that decide, the flows that are tracked."""

from __future__ import annotations

from concurrent.futures import Future
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from hostgw.clean import clean
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.wire import ConntrackReply
from hostgw_tui.actions import bindings
from hostgw_tui.host.rates import Rates
from hostgw_tui.host.rows import position, title
from hostgw_tui.look import Row, Tone, cell
from hostgw_tui.nat.rows import SPARK, case_rows, flow_rows, rule_command, rule_lines, rule_rows, totals
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.main_screen import MainScreen
from hostgw_tui.widgets.states import absent, with_freshness

CASES = (
    Column("PACKET", most=48),
    Column("VERDICT", 13),
    Column("DECIDED BY", grow=True),
    Column("EXAMPLE", most=30, above=110),
)
RULES = (
    Column("#", 2, right=True),
    Column("PKTS", 6, right=True),
    Column("BYTES", 6, right=True),
    Column("RATE", 7, right=True),
    Column("LAST 30 s", SPARK, above=130),
    Column("MEANING", grow=True),
    Column("RULE", most=90, above=110, copied=True),
)
FLOWS = (
    Column("PROTO", 5),
    Column("FLOW", grow=True),
    Column("NAT", most=36),
    Column("STATE", most=12),
    Column("LEFT", 6, right=True),
    Column("PKTS", 6, right=True, above=100),
)


class NatScreen(MainScreen):
    """The rules of the host that was chosen last."""

    SCOPE = "nat"
    COUNTERS = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("nat")]
    AUTO_FOCUS = "#rules"

    class Tracked(Message):
        """A host has told its tracked flows."""

        def __init__(self, host: str, reply: ConntrackReply) -> None:
            super().__init__()
            self.host, self.reply = host, reply

    def __init__(self) -> None:
        super().__init__()
        self._rates = Rates()
        self._with_filter = True
        self._flows_of = ""
        self._cases: tuple[object, list[Row]] = None, []

    def body(self) -> ComposeResult:
        """Verdicts on top, rules or flows below."""
        yield Grid(CASES, id="cases", title="what becomes of a packet")
        yield Grid(RULES, id="rules", title="rules")
        yield Grid(FLOWS, id="flows", title="tracked flows")

    def on_mount(self) -> None:
        """Flows are shown on demand."""
        super().on_mount()
        self.query_one("#flows").display = False

    @property
    def host(self) -> Host | None:
        """The host that is shown."""
        return self.view.fabric.hosts.get(self.hostgw.current_host())

    def paint(self) -> None:
        """Show the view."""
        host, view = self.host, self.view
        shown = host if host and host.readable else None
        if shown:
            self._rates.observe(shown.name, shown.changed_at, totals(shown))
        cases, rules = self.query_one("#cases", Grid), self.query_one("#rules", Grid)
        place = position(view, host.name) if host else ""
        cases.border_title = Content(with_freshness(f"NAT of {title(host, place)}", host, self.hostgw.moment))
        rows = self._judged(shown, view) if shown else []
        cases.show(rows, absent(host, "No packet to judge: it owns no subnet."))
        nothing = "No rules: no iptables tables hold any."
        rows = rule_rows(shown, view.mesh, self._rates, self._with_filter) if shown else []
        rules.show(rows, absent(host, nothing))
        rules.border_title = "rules of nat and FORWARD" if self._with_filter else "rules of nat (t: FORWARD as well)"
        if self._flows_of and self._flows_of != self.hostgw.current_host():
            self._show_flows(False)

    def _judged(self, host: Host, view: View) -> list[Row]:
        """Return what becomes of packets, worked out once for a state of the host: many rules are walked for it."""
        inputs = host.snapshot, view.mesh
        if self._cases[0] != inputs:
            self._cases = inputs, case_rows(host, view)
        return self._cases[1]

    def finding(self) -> Finding | None:
        """Return the first NAT finding of this host."""
        mine = (f for f in self.view.listed if f.host == self.hostgw.current_host())
        return next((f for f in mine if f.subject == "POSTROUTING" or "masquerade" in f.code), None)

    def command(self, row: Row) -> str:
        """Return the command that makes the rule under the cursor."""
        return rule_command(row.key, self.host) if self.host else ""

    def no_finding(self) -> str:
        """Return why `f` does nothing here."""
        return "no finding about NAT on this host"

    @on(Grid.Chosen, "#rules")
    def _chosen(self, event: Grid.Chosen) -> None:
        if host := self.host:
            self.hostgw.read("rule", rule_lines(event.row.key, host, self.view.mesh))

    def action_tables(self) -> None:
        """Show the FORWARD chain as well, or not."""
        self._with_filter = not self._with_filter
        self.repaint()

    # ---- tracked flows ----

    def action_conntrack(self) -> None:
        """Read the tracked flows; again: show the rules."""
        if self.query_one("#flows").display:
            self._show_flows(False)
            return
        host = self.hostgw.current_host()
        self._flows_of = host
        self._show_flows(True)
        grid = self.query_one("#flows", Grid)
        grid.border_title = Content(f"tracked flows of {host}")
        grid.show([], (cell("◌ reading …", Tone.NOTE),))
        self.hostgw.engine.conntrack(host).add_done_callback(lambda future: self._answered(host, future))

    def _answered(self, host: str, future: Future[ConntrackReply]) -> None:
        """Take the answer; called from a thread of the engine."""
        error = future.exception()
        self.post_message(self.Tracked(host, ConntrackReply(0, (), 0, str(error)) if error else future.result()))

    @on(Tracked)
    def _tracked(self, message: Tracked) -> None:
        if message.host != self._flows_of:
            return
        reply, grid = message.reply, self.query_one("#flows", Grid)
        nothing = f"✗ {clean(reply.error)}" if reply.error else "No flow is tracked."
        shown = f"{len(reply.entries)} of {reply.total}"
        grid.border_title = Content(f"tracked flows of {message.host}: {shown} · c: back to the rules")
        grid.show(flow_rows(reply.entries), (cell(nothing, Tone.BAD if reply.error else Tone.NOTE),))

    def _show_flows(self, shown: bool) -> None:
        flows, rules = self.query_one("#flows", Grid), self.query_one("#rules", Grid)
        flows.display, rules.display = shown, not shown
        (flows if shown else rules).focus()
        if not shown:
            self._flows_of = ""
