"""Lines to read, wrapped between words, with a hanging indent behind labels."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import RenderResult
from textual.geometry import Size
from textual.widget import Widget

from hostgw_tui.look import Line, Part
from hostgw_tui.widgets.layout import fitted, wrapped
from hostgw_tui.widgets.text import content


class Reader(Widget, can_focus=False):
    """Shows lines; as high as they need."""

    DEFAULT_CSS = "Reader { height: auto; width: 100%; }"

    def __init__(self, lines: Iterable[Line] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.lines = tuple(lines)
        self._wrapped: tuple[tuple[Line, ...], int, list[Line]] = ((), 0, [])

    def show(self, lines: Iterable[Line]) -> None:
        """Show other lines."""
        shown = tuple(lines)
        if shown != self.lines:
            before, self.lines = self.lines, shown
            self.refresh(layout=self._height(before) != self._height(shown))

    def _height(self, lines: tuple[Line, ...]) -> int:
        """Return how many lines these take at the present width."""
        return len(self._at(lines, self.content_region.width or 1))

    def _at(self, lines: tuple[Line, ...], width: int) -> list[Line]:
        """Return lines wrapped to a width; a layout asks for the same several times."""
        if self._wrapped[0] is not lines or self._wrapped[1] != width:
            self._wrapped = lines, width, wrapped(lines, width)
        return self._wrapped[2]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines it takes."""
        return max(1, len(self._at(self.lines, width)))

    def render(self) -> RenderResult:
        """Return the lines; where they are cut, with a mark."""
        width, height = self.content_region.size
        lines = self._at(self.lines, width)
        if 0 < height < len(lines):
            lines = [*lines[: height - 1], fitted((*lines[height - 1], Part(" " * width)), width)]
        return content(lines)
