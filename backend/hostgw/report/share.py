"""A picture of the network as a file for others: Markdown, HTML or JSON, with names and addresses or masked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from hostgw import __version__
from hostgw.clean import plain
from hostgw.fabric import Fabric
from hostgw.live.view import View
from hostgw.report.check import check_report
from hostgw.report.document import Block, document
from hostgw.report.html import html
from hostgw.report.markdown import markdown
from hostgw.report.model import CheckReport
from hostgw.report.routes import routes_report

FORMATS = ("markdown", "html", "json")
SUFFIXES = {"markdown": "md", "html": "html", "json": "json"}


def shared(view: View, form: str, now_s: float, local: Iterable[str] = (), masked: Callable[[str], str] = str) -> str:
    """Return a report in one of `FORMATS`; `masked` is applied to all text of it.

    Raises:
        KeyError: there is no such format.
    """
    check = check_report(view, local)
    when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now_s)).strip()
    blocks = document(check, routes_report(view), when, f"hostgw-tui {__version__}")
    return masked(_WRITERS[form](blocks, check))


def _page(blocks: tuple[Block, ...], check: CheckReport) -> str:
    return html(blocks, f"host-gw network {check.network or ''}".strip())


def _json(_blocks: tuple[Block, ...], check: CheckReport) -> str:
    return msgspec.json.format(msgspec.json.encode(check, enc_hook=plain), indent=2).decode() + "\n"


_WRITERS: dict[str, Callable[[tuple[Block, ...], CheckReport], str]] = {
    "markdown": lambda blocks, _check: markdown(blocks),
    "html": _page,
    "json": _json,
}


def names(fabric: Fabric) -> Iterator[str]:
    """Yield what names hosts and containers have, for a mask."""
    for host in fabric.hosts.values():
        yield host.name
        if host.snapshot:
            yield host.snapshot.facts.hostname
            yield from (container.name for container in host.snapshot.containers)
