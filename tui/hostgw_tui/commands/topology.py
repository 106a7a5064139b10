"""`hostgw-tui topology`: the network as a picture."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable

from hostgw.mask import Mask
from hostgw.report.share import names
from hostgw.report.topology.dot import dot
from hostgw.report.topology.graph import Topology, topology
from hostgw.report.topology.svg import svg
from hostgw_tui.commands.output import json_text, narrate
from hostgw_tui.commands.reached import reached
from hostgw_tui.commands.report import write_private
from hostgw_tui.options import reading
from hostgw_tui.topology.rows import as_text

FILE_WIDTH = 160


def run(args: argparse.Namespace) -> int:
    """Write the picture to a file or to stdout."""
    form = "json" if args.json else args.format
    with reading(args) as live:
        view = live.view()
    graph = topology(view)
    width = FILE_WIDTH if args.output or not sys.stdout.isatty() else shutil.get_terminal_size().columns
    masked = Mask(names(view.fabric)).text if args.mask else str
    text = masked(_WRITERS[form](graph, width))
    if args.output:
        write_private(args.output, text)
        narrate(f"wrote {args.output}")
    else:
        sys.stdout.write(text)
    return reached(view)


_WRITERS: dict[str, Callable[[Topology, int], str]] = {
    "text": as_text,
    "svg": lambda graph, _width: svg(graph),
    "dot": lambda graph, _width: dot(graph),
    "json": lambda graph, _width: json_text(graph) + "\n",
}
