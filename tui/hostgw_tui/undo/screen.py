"""The undo dialog: the journal, what of it can be taken back, and the way to its preview. Nothing changes here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from hostgw.errors import HostgwError
from hostgw.model.guard import Guard
from hostgw.plans.standing import Judged, Left
from hostgw_tui.actions import bindings
from hostgw_tui.look import Part, Tone, cell, line
from hostgw_tui.undo.rows import COLUMNS, NOTHING, EntryRows, entry_lines, pending, pending_lines, title
from hostgw_tui.widgets.dialog import TextDialog, hint
from hostgw_tui.widgets.grid import Grid
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

ASK_S = 2.0
"""How often hosts are asked what waits there while the list is shown."""
LOOK_S = 0.5
"""How often it is looked whether there is another picture, with which the list is compared."""


class UndoDialog(ModalScreen[None]):
    """Lists what was done; `enter` previews the undo of one, `s` of it and all later ones."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("undo")]
    AUTO_FOCUS = "Grid"

    class Judgement(Message):
        """The journal was read and compared with the hosts."""

        def __init__(self, entries: tuple[Judged, ...], waiting: list[tuple[str, Guard]], error: str = "") -> None:
            super().__init__()
            self.entries, self.waiting, self.error = entries, waiting, error

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._judged_with = -1
        self._entries: dict[str, Judged] = {}
        self._waiting: dict[str, tuple[str, Guard]] = {}

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the list, what there is to say of its row, and the keys."""
        with Vertical(classes="dialog tall wide") as box:
            box.border_title = "Undo"
            box.border_subtitle = "nothing is changed here"
            yield Grid(COLUMNS, id="entries")
            yield Reader(id="entry")
            yield Static(id="undo-keys", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Read the journal, and look again while it is shown."""
        self.query_one(Grid).show((), (cell("◌ reading the journal …", Tone.NOTE),))
        self._show_keys()
        self._ask()
        self._judge()
        self.set_interval(ASK_S, self._ask)
        self.set_interval(LOOK_S, self._look)

    def on_screen_resume(self) -> None:
        """Look again when a preview was left."""
        self._judge()

    def _ask(self) -> None:
        if self.is_current:
            self.hostgw.engine.ask_guards()

    def _look(self) -> None:
        if self.is_current and self.hostgw.engine.view().number != self._judged_with:
            self._judge()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _judge(self) -> None:
        """Compare beside the loop: a long journal and many hosts take a moment."""
        engine = self.hostgw.engine
        self._judged_with = engine.view().number
        try:
            entries = engine.judged()
        except HostgwError as error:
            self.post_message(self.Judgement((), [], str(error)))
        else:
            self.post_message(self.Judgement(entries, pending(engine.view().fabric, entries)))

    @on(Judgement)
    def _judged(self, message: Judgement) -> None:
        self._entries = {each.entry.id: each for each in message.entries}
        self._waiting = {guard.id: (host, guard) for host, guard in message.waiting}
        empty = (line(Part(f"✗ {message.error}", Tone.BAD)),) if message.error else NOTHING
        self.query_one(Grid).show(EntryRows(message.waiting, message.entries, self._clock()), empty)
        self.query_one(".dialog", Vertical).border_title = Content(title(message.entries))
        self._show_entry()

    @on(Grid.Moved)
    def _show_entry(self) -> None:
        reader, key = self.query_one("#entry", Reader), self._key
        reader.display = key != ""
        if key in self._waiting:
            reader.show(pending_lines(*self._waiting[key]))
        elif key in self._entries:
            reader.show(entry_lines(self._entries[key]))
        self._show_keys()

    def _show_keys(self) -> None:
        keys = [("esc", "close")]
        if self._guards():
            keys.insert(0, ("enter", "take it back now"))
        elif self._key in self._entries:
            can = self._entries[self._key].left is Left.UNDOABLE
            keys = [("enter", "undo this" if can else "why not"), ("s", "this and all since"), ("y", "copy"), *keys]
        self.query_one("#undo-keys", Static).update(content([hint(*keys)]))

    @property
    def _key(self) -> str:
        row = self.query_one(Grid).current
        return row.key if row else ""

    def _guards(self) -> list[tuple[str, Guard]]:
        """Return the guards that wait for the row under the cursor, with their hosts."""
        if self._key in self._waiting:
            return [self._waiting[self._key]]
        each = self._entries.get(self._key)
        if each is None or each.left is not Left.PENDING:
            return []
        hosts = self.hostgw.engine.view().fabric.hosts
        found = ((name, guard) for name in each.entry.guards if name in hosts for guard in hosts[name].guards)
        return [(name, guard) for name, guard in found if guard.state.pending and guard.id == each.entry.guards[name]]

    # ---- actions ----

    def action_choose(self) -> None:
        """Preview the undo of the entry under the cursor; of one that waits, ask whether to end it now."""
        if guards := self._guards():
            self._ask_to_end(guards)
        elif self._key:
            self.hostgw.preview_undo(self._key)

    @on(Grid.Chosen)
    def _chosen(self) -> None:
        self.action_choose()

    def action_since(self) -> None:
        """Preview the undo of the entry under the cursor and of all later ones."""
        if self._key in self._entries:
            self.hostgw.preview_undo(self._key, since=True)

    def _ask_to_end(self, guards: list[tuple[str, Guard]]) -> None:
        """Ask whether a change that waits is to be taken back now, whoever made it."""
        told = [text for host, guard in guards for text in (*pending_lines(host, guard), ())]
        told.append(line("Everything that it changed is put back as it was before."))

        def answered(key: str | None) -> None:
            for host, guard in guards if key == "b" else ():
                self.hostgw.end_pending(host, guard.id)

        self.hostgw.push_screen(TextDialog("take it back now?", told, [("b", "take it back now")]), answered)

    def action_copy(self) -> None:
        """Copy the row under the cursor."""
        grid = self.query_one(Grid)
        if row := grid.current:
            self.hostgw.copy(f"{row.key}  {grid.copy_text(row)}")

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss()
