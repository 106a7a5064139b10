"""`hostgw-tui trace SRC DST`: send a probe, and compare its way with the predicted one."""

from __future__ import annotations

import argparse

from hostgw.live.places import owners
from hostgw.live.tracing import trace
from hostgw.paths.predict import find_end
from hostgw.report.trace import trace_report, trace_text
from hostgw_tui.commands.output import write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import running
from hostgw_tui.path_parsers import query

EXIT_UNREACHED, EXIT_ASTRAY = 3, 1


def run(args: argparse.Namespace) -> int:
    """Trace; 0 when every probe was answered on the predicted way, else 1."""
    kind = query(args)
    with running(args) as live:
        view = live.view()
        if reached(view) == EXIT_UNREACHED:
            return EXIT_UNREACHED
        source, destination = (find_end(view.fabric, view.mesh, text) for text in (args.source, args.destination))
        found = trace(live, source, destination, args.count, kind)
    write(trace_report(found), trace_text(found, owners(view.fabric)), args.json)
    return 0 if found.works else EXIT_ASTRAY
