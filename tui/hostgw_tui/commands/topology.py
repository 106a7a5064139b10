"""`hostgw-tui topology`: hosts, bridges, containers and routes as a picture."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable

from hostgw.mask import Mask
from hostgw.report.share import names
from hostgw.topology.build import build
from hostgw.topology.dot import dot
from hostgw.topology.graph import Topology
from hostgw.topology.svg import svg
from hostgw_tui.commands.output import json_text, narrate, write_lines
from hostgw_tui.commands.reached import reached
from hostgw_tui.commands.report import write_private
from hostgw_tui.look import lines_text
from hostgw_tui.options import reading
from hostgw_tui.topology.rows import picture

LEAST_WIDTH = 60


def run(args: argparse.Namespace) -> int:
    """Write the picture to a file or to stdout."""
    form = "json" if args.json else args.format
    with reading(args) as live:
        view = live.view()
    made = build(view, Mask(names(view.fabric)).text if args.mask else str)
    text = _FORMS[form](made)
    if args.output:
        write_private(args.output, text)
        narrate(f"wrote {args.output}")
    elif form == "text":
        write_lines(text.splitlines())
    else:
        sys.stdout.write(text)
    return reached(view)


def _text(made: Topology) -> str:
    width = max(LEAST_WIDTH, shutil.get_terminal_size((120, 40)).columns)
    return lines_text(picture(made, width).lines) + "\n"


_FORMS: dict[str, Callable[[Topology], str]] = {
    "text": _text,
    "dot": dot,
    "svg": svg,
    "json": lambda made: json_text(made) + "\n",
}
