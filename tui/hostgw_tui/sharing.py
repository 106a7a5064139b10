"""Files and pictures for others, and the mask that hides whose network it is."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import on
from textual.color import Color
from textual.filter import LineFilter
from textual.message import Message

from hostgw.errors import HostgwError
from hostgw.mask import Mask
from hostgw_tui.engine import Engine
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.shell import Shell
from hostgw_tui.widgets.dialog import TextDialog

if TYPE_CHECKING:
    from hostgw.live.view import View

_FONT_FACE = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
ANSWERS = (("t", "text"), ("m", "Markdown"), ("h", "HTML"), ("j", "JSON"), ("s", "SVG"))
_FORMS = {"m": "markdown", "h": "html", "j": "json"}


class MaskFilter(LineFilter):
    """Paints other names and addresses, as wide as the real ones."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self.mask = mask

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without what the mask hides."""
        return [Segment(self.mask.text(text), style, control) for text, style, control in segments]


class Sharing(Shell):
    """An app that writes what it shows, masked when that is asked for."""

    engine: Engine
    wall_clock: Callable[[], float]
    """The time of the picture in epoch seconds."""
    _mask: MaskFilter | None = None

    class Written(Message):
        """A file is there, or could not be made."""

        def __init__(self, text: str, good: bool) -> None:
            super().__init__()
            self.text, self.good = text, good

    @property
    def shown(self) -> View:
        """The picture on the screens."""
        raise NotImplementedError

    @property
    def masked(self) -> bool:
        """Names and addresses are hidden."""
        return self._mask is not None

    def action_mask(self) -> None:
        """Hide names and addresses on every screen and in what is written and copied, or show them again."""
        if self._mask:
            self._filters.remove(self._mask)
            self._mask = None
            self.tell("names and addresses are shown again")
        else:
            self._mask = MaskFilter(Mask())
            self.remask()
            self._filters.insert(0, self._mask)
            self.tell("other names and addresses: on all screens, in copies and files; captures keep theirs")
        self.refresh_css(animate=False)

    def remask(self) -> None:
        """Hide names that are new, too."""
        if self._mask:
            from hostgw.report.share import names

            self._mask.mask.learn(names(self.shown.fabric))

    def hidden(self, text: str) -> str:
        """Return text as the mask has it, where one is on."""
        return self._mask.mask.text(text) if self._mask else text

    def copy(self, text: str) -> None:
        """Copy, masked where a mask is on."""
        super().copy(self.hidden(text))

    def offer_files(self, stem: str, text: str) -> None:
        """Ask in which form what is shown shall be written."""
        dialog = TextDialog("write to a file in this directory", tuple(_offer(self.masked)), ANSWERS)
        self.push_screen(dialog, lambda key: self._write(key or "", stem, text))

    def _write(self, key: str, stem: str, text: str) -> None:
        if key == "t":
            self.save(stem, "txt", self.hidden(text) + "\n")
        elif key == "s":
            self.action_picture()
        elif form := _FORMS.get(key):
            view, at_s, hide = self.shown, self.wall_clock(), self.hidden
            threading.Thread(target=partial(self._report, form, view, at_s, hide), daemon=True).start()

    def _report(self, form: str, view: View, at_s: float, hide: Callable[[str], str]) -> None:
        """Work out and write a report, beside everything else: of many findings each is planned."""
        from hostgw.report.share import SUFFIXES, shared

        try:
            text = shared(view, form, at_s, masked=hide)
        except HostgwError as error:
            self.post_message(self.Written(str(error), good=False))
        else:
            self.post_message(self.Written(*_saved(Path(_stamped("hostgw-report", SUFFIXES[form])), text)))

    def action_picture(self) -> None:
        """Write the screen as SVG, without the web font that somebody would have to fetch."""
        svg = _FONT_FACE.sub("", self.export_screenshot(title="hostgw-tui", simplify=False))
        self.save("hostgw-screen", "svg", svg.replace("Fira Code", "monospace"))

    def save(self, stem: str, suffix: str, text: str) -> None:
        """Write a new file of text that is masked already, where a mask is on, and say so."""
        self._say(*_saved(Path(_stamped(stem, suffix)), text))

    @on(Written)
    def _written(self, message: Written) -> None:
        self._say(message.text, message.good)

    def _say(self, text: str, good: bool) -> None:
        self.tell(text, "information" if good else "error")


def _offer(masked: bool) -> Iterable[Line]:
    for key, what in (
        ("t", "what this screen shows, as plain text"),
        ("m", "a report of hosts, findings and routes, as Markdown"),
        ("h", "the same as one HTML page"),
        ("j", "the findings as JSON, as 'hostgw-tui check --json' prints them"),
        ("s", "a picture of the screen as SVG"),
    ):
        yield line(Part(f" {key} ", Tone.KEY), what)
    hidden = (
        "Names and addresses are masked." if masked else "'mask' in the palette (:) would hide names and addresses."
    )
    yield line(Part(hidden, Tone.DIM))


def _stamped(stem: str, suffix: str) -> str:
    return f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{suffix}"


def _saved(path: Path, text: str) -> tuple[str, bool]:
    """Write a new file that only its owner can read; return what to tell, and whether it went well."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        return f"cannot write {path}: {error.strerror}", False
    return f"written to {path}", True
