"""Chooses where to capture: a tree of all interfaces, whole hosts, or the way of a packet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw.capture.tap_points import TapPoint
from hostgw.errors import HostgwError
from hostgw.live.points import default_points, points_along
from hostgw.live.tap_tree import tap_tree
from hostgw.live.view import View
from hostgw.paths.predict import find_end, predict
from hostgw_tui.look import Row, Tone, cell
from hostgw_tui.packets.tap_rows import HOST, tap_rows
from hostgw_tui.path.dialog import EndDialog
from hostgw_tui.path.rows import end_rows
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.layout import Column
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

TAPS = (Column("", 3), Column("INTERFACE", most=34), Column("", grow=True))
HIDDEN = "What stays inside a bridge shows only at its veths. d: bridges and NICs, c: all, z: fold all."
FOLDED_FROM = 200
"""Taps from which the tree opens folded."""


class TapsDialog(ModalScreen[tuple[TapPoint, ...] | None]):
    """Chooses interfaces; the result is None when cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+c", "cancel", "cancel"),
        Binding("space,x", "mark", "choose"),
        Binding("a", "host", "whole host"),
        Binding("p", "path", "along a path"),
        Binding("d", "default", "default"),
        Binding("c", "everything", "all"),
        Binding("left,h", "fold(True)", "fold"),
        Binding("right,l", "fold(False)", "unfold"),
        Binding("z", "fold_all", "fold all"),
        Binding("enter", "accept", "use"),
    ]
    AUTO_FOCUS = "Grid"

    def __init__(self, view: View, chosen: Sequence[TapPoint]) -> None:
        super().__init__()
        self._view, self._tree = view, tap_tree(view)
        self._points = tuple(branch.point for branch in self._tree)
        self._chosen = frozenset(chosen) & frozenset(self._points)
        self._folded = self._hosts if len(self._tree) >= FOLDED_FROM else frozenset()
        self._source = ""

    @property
    def _hosts(self) -> frozenset[str]:
        return frozenset(point.host for point in self._points)

    def compose(self) -> ComposeResult:
        """Lay out the tree and the keys."""
        with Vertical(classes="dialog tall") as box:
            box.border_title = "capture at"
            yield Grid(TAPS, id="taps", sortable=False)
            yield Reader([cell(HIDDEN, Tone.DIM)], id="told")
            keys = (("space", "choose"), ("a", "host"), ("← →", "fold"), ("p", "path"), ("enter", "use"))
            yield Static(content([hint(*keys, ("esc", "cancel"))]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Show the tree."""
        self._show()

    def _show(self) -> None:
        nothing = (cell("No host has been read yet: nothing to capture at.", Tone.NOTE),)
        self.query_one(Grid).show(tap_rows(self._tree, self._chosen, self._folded), nothing)
        self.query_one(".dialog", Vertical).border_subtitle = f"{len(self._chosen)} chosen"

    def _tell(self, text: str, tone: Tone = Tone.DIM) -> None:
        self.query_one("#told", Reader).show([cell(text, tone)])

    def _choose(self, points: Iterable[TapPoint]) -> None:
        self._chosen = frozenset(points)
        self._show()

    def _host_of(self, row: Row) -> str:
        return row.key.removeprefix(HOST) if row.key.startswith(HOST) else self._points[int(row.key)].host

    # ---- choosing ----

    def action_mark(self) -> None:
        """Choose the interface under the cursor, or no more; of a host, all its interfaces."""
        if row := self.query_one(Grid).current:
            if row.key.startswith(HOST):
                self.action_host()
            else:
                self._choose(self._chosen ^ {self._points[int(row.key)]})
            self.query_one(Grid).action_move(1)

    def action_host(self) -> None:
        """Choose all interfaces of the host under the cursor, or none of them."""
        if row := self.query_one(Grid).current:
            host = self._host_of(row)
            own = frozenset(point for point in self._points if point.host == host)
            self._choose(self._chosen - own if own <= self._chosen else self._chosen | own)

    def action_default(self) -> None:
        """Choose bridges and underlay NICs."""
        self._choose(default_points(self._view))

    def action_everything(self) -> None:
        """Choose all, or none."""
        everything = frozenset(self._points)
        self._choose(() if self._chosen == everything else everything)

    # ---- along a path ----

    def action_path(self) -> None:
        """Ask from where to where, and choose the taps on the predicted way and back."""
        self.app.push_screen(EndDialog("from", end_rows(self._view), any_address=False), self._from)

    def _from(self, source: str | None) -> None:
        if source is not None:
            self._source = source
            self.app.push_screen(EndDialog("to", end_rows(self._view), any_address=True), self._to)

    def _to(self, destination: str | None) -> None:
        if destination is None:
            return
        fabric, mesh = self._view.fabric, self._view.mesh
        try:
            found = predict(fabric, find_end(fabric, mesh, self._source), find_end(fabric, mesh, destination))
        except HostgwError as error:
            self._tell(str(error), Tone.WARN)
            return
        points = points_along(self._view, found)
        self._folded = self._hosts - {point.host for point in points}
        self._choose(points)
        self._tell(f"{len(points)} taps from {self._source} to {destination}, there and back; {found.forward.outcome}")

    # ---- folding and leaving ----

    def action_fold(self, folded: bool) -> None:
        """Fold the host under the cursor, or unfold it."""
        grid = self.query_one(Grid)
        if row := grid.current:
            host = self._host_of(row)
            self._folded = self._folded | {host} if folded else self._folded - {host}
            self._show()
            if folded:
                grid.select(f"{HOST}{host}")

    def action_fold_all(self) -> None:
        """Fold all hosts, or unfold them."""
        self._folded = frozenset() if self._folded == self._hosts else self._hosts
        self._show()

    def action_accept(self) -> None:
        """Close with the choice."""
        self.dismiss(tuple(point for point in self._points if point in self._chosen))

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)
