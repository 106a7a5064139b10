from __future__ import annotations

import pytest

from hostgw.model.kernel import Link, Route
from hostgw.wire import Section, rows
from hostgw.wire import decoded as module
from tests.fabrics import delta


def test_equal_texts_of_rows_are_one_object() -> None:
    sent = [Route("10.239.1.0/24", gateway="10.5.7.61", oif=2), Route("10.239.2.0/24", gateway="10.5.7.61", oif=2)]
    first, second = rows(delta(Section.ROUTES, sent))
    (other,) = rows(delta(Section.ROUTES, [Route("10.239.3.0/24", gateway="10.5.7.61", oif=2)]))
    assert isinstance(first, Route)
    assert isinstance(second, Route)
    assert isinstance(other, Route)
    assert first == sent[0]
    assert first.gateway is second.gateway
    assert first.gateway is other.gateway
    assert first.protocol is second.protocol


def test_texts_are_clean_before_they_are_shared() -> None:
    (row,) = rows(delta(Section.LINKS, [Link(2, "eth0\x1b[2J", alias="x" * 1000)]))
    assert isinstance(row, Link)
    assert "\x1b" not in row.name
    assert len(row.alias) <= module.LONGEST
    assert all(module._plain(text) or not text.isascii() for text in module._SHARED)


def test_what_is_shared_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SHARED", 50)
    for number in range(500):
        rows(delta(Section.LINKS, [Link(number, f"veth{number}")]))
        assert len(module._SHARED) <= 50
