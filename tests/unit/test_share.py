"""Reports for others: all that matters is in them, nothing in them becomes markup, and a mask hides whose they are."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.live.view import View
from hostgw.mask import Mask
from hostgw.mesh.build import build
from hostgw.model.host_state import HostState
from hostgw.report.document import Commands, Paragraph, Points, Table
from hostgw.report.html import html
from hostgw.report.markdown import markdown
from hostgw.report.share import FORMATS, names, shared
from tests.fabrics import healthy, routes

HOSTILE = "<script>alert(1)</script> | `x` **b** \x1b[2J & ``` </pre>"


def view(fabric: Fabric) -> View:
    mesh = build(fabric)
    return View(fabric, mesh, run(fabric, mesh))


def broken() -> Fabric:
    fabric = routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    return fabric.with_host(replace(fabric.hosts["vm3"], state=HostState.STALE, error="nothing heard for 75 s"))


class Tags(HTMLParser):
    """Which elements a page has, and that they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_all_that_matters_is_in_it(form: str) -> None:
    text = shared(view(broken()), form, 1_700_000_000)
    for word in (
        "10.239.0.0/16",
        "2023-11-14",
        "vm1 has no route to 10.239.1.0/24",
        "vm1# ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0 proto static",
        "nothing heard for 75 s",
        "2 of 3",
        "missing",
    ):
        assert word in text.replace("\\", "")


def test_json_is_that_of_check() -> None:
    found = json.loads(shared(view(broken()), "json", 0))
    assert [finding["code"] for finding in found["findings"]] == ["route-missing"]


def test_a_healthy_network_says_so() -> None:
    assert "Nothing that is checked is wrong." in shared(view(healthy(2)), "markdown", 0)
    assert "no network known" in shared(View(), "markdown", 0)


def test_nothing_becomes_markup() -> None:
    blocks = (Paragraph(HOSTILE), Points((HOSTILE,)), Table((HOSTILE,), ((HOSTILE,),)), Commands((HOSTILE,)))
    page = Tags()
    page.feed(html(blocks, HOSTILE))
    assert page.open == []
    assert page.seen == {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "p",
        "ul",
        "li",
        "table",
        "tr",
        "th",
        "td",
        "pre",
    }
    text = markdown(blocks)
    assert "\x1b" not in text
    assert "\\<script\\>" in text
    assert text.splitlines()[-1] == "````"  # a fence longer than any within


@pytest.mark.parametrize("form", FORMATS)
def test_a_mask_hides_whose_it_is(form: str) -> None:
    shown = view(broken())
    text = shared(shown, form, 0, masked=Mask(names(shown.fabric)).text)
    for word in ("vm1", "vm2", "vm3", "10.239.", "10.5.7."):
        assert word not in text
    assert "route-missing" in text
