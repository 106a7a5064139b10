from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from hostgw.clean import MAX_MARKS, Clean, clean


@given(st.one_of(st.text(), st.binary()))
def test_nothing_that_moves_a_terminal_gets_through(value: str | bytes) -> None:
    text = clean(value)
    assert isinstance(text, Clean)
    assert text.isprintable()
    assert len(text) <= 256


def test_no_control_format_or_surrogate_of_any_plane_passes() -> None:
    unsafe = (ch for ch in map(chr, range(0x110000)) if unicodedata.category(ch) in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    assert [ch for ch in unsafe if ch in clean(ch)] == []


def test_hostile_samples_show_what_they_are() -> None:
    assert clean("a\x1b]52;c;x\x07b") == "a\\x1b]52;c;x\\x07b"
    assert clean(b"\xff\xfe") == "\\xff\\xfe"
    assert clean("\u202eevil") == "\\u202eevil"
    assert clean("\ud800") == "\\ud800"
    assert clean("x\ny") == "x\\x0ay"


def test_marks_and_length_are_capped() -> None:
    assert clean("e" + "\u0301" * 100, 1000) == "e" + "\u0301" * MAX_MARKS
    assert clean("A" * 200_000, 10) == "A" * 9 + "…"


def test_plain_text_is_as_it_was() -> None:
    assert clean("veth-c1") == "veth-c1"
    assert clean("žluťoučký") == "žluťoučký"
