"""Nothing that a host says can reach the terminal as anything but text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from hostgw.fabric import Fabric
from hostgw.model.host import Namespace
from hostgw.model.kernel import Filter, Link
from hostgw.wire import Row, Section
from hostgw_tui.clipboard import LIMIT, sequence, toast
from hostgw_tui.output import AsciiFilter, ControlFilter, ascii_text
from tests.fabrics import altered
from tests.tui.conftest import Make
from tests.tui.fake import one_missing
from tests.tui.reading import screen_text, settle

HOSTILE = "[/] [b]x[/b] \x1b[2J\x1b]0;owned\x07 \u202eevil\u202c [@click=app.quit]y"
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e", "\u202c")
BLACK = Color(0, 0, 0)


def hostile() -> Fabric:
    """Names and rules as an enemy would choose them."""
    fabric = altered(one_missing(), "vm1", Section.NAMESPACES, lambda rows: [_named(row) for row in rows])
    fabric = altered(fabric, "vm1", Section.LINKS, lambda rows: [_renamed(row) for row in rows])
    rules = f"*nat\n:POSTROUTING ACCEPT [0:0]\n[0:0] -A POSTROUTING -m comment --comment '{HOSTILE}' -j {HOSTILE[:3]}\n"
    filters: list[Row] = [Filter("nft", rules + "COMMIT\n"), Filter("legacy", "", HOSTILE)]
    fabric = altered(fabric, "vm1", Section.FILTERS, lambda _rows: filters)
    return fabric.with_host(replace(fabric.hosts["vm2"], error=HOSTILE))


def _named(row: Row) -> Row:
    return Namespace(row.id, HOSTILE, row.inode, row.nsid, row.source) if isinstance(row, Namespace) and row.id else row


def _renamed(row: Row) -> Row:
    import msgspec

    return msgspec.structs.replace(row, name=HOSTILE[:20]) if isinstance(row, Link) and row.index == 11 else row


async def test_hostile_names_are_only_text(make: Make) -> None:
    app = make(hostile())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        for keys in (("1", "enter"), ("2", "y"), ("3", "y"), ("4", "enter"), ("5", "t"), ("5", "p")):
            await pilot.press(*keys)
            await settle(pilot)
            app.tell(HOSTILE)
            await pilot.pause()
            text = screen_text(app)
            assert not any(bad in text for bad in FORBIDDEN)
            app.export_screenshot()
            await pilot.press("escape")
            await settle(pilot)
        assert app.is_running


def painted(text: str, *filters: ControlFilter | AsciiFilter) -> str:
    segments = [Segment(text)]
    for each in filters:
        segments = each.apply(segments, BLACK)
    return "".join(segment.text for segment in segments)


@given(st.text())
def test_the_last_gate_stops_every_control_and_keeps_the_width(text: str) -> None:
    out = painted(text, ControlFilter())
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in FORBIDDEN for char in out)
    assert cell_len(out) == cell_len(text)


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs"))))
def test_ascii_is_ascii(text: str) -> None:
    assert ascii_text(text).isascii()


async def test_ascii_screens(make: Make) -> None:
    app = make(one_missing(), ascii=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for key in "12345":
            await pilot.press(key)
            await settle(pilot)
            assert screen_text(app).isascii()
        await pilot.press("1", "f")
        await settle(pilot)
        assert screen_text(app).isascii()


def test_controls_of_segments_stay() -> None:
    control = Segment("\x1b[H", None, [(1, 2)])  # type: ignore[list-item]
    assert ControlFilter().apply([control], BLACK) == [control]


@pytest.mark.parametrize(
    ("environment", "start"),
    [({}, "\x1b]52;c;"), ({"TMUX": "x"}, "\x1bPtmux;\x1b\x1b]52;c;"), ({"STY": "x"}, "\x1bP\x1b]52;c;")],
)
def test_clipboard_is_wrapped(environment: dict[str, str], start: str) -> None:
    assert sequence("ip route", environment).startswith(start)


def test_clipboard_is_capped_and_honest() -> None:
    assert sequence("x" * (LIMIT + 1), {}) == ""
    assert "too long" in toast("x" * (LIMIT + 1))
    assert toast("a\nb") == "sent 2 lines to the terminal's clipboard"
