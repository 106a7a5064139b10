"""`hostgw-tui path SRC DST`: the predicted way of a packet and of its answer."""

from __future__ import annotations

import argparse

from hostgw.live.places import owners
from hostgw.paths.predict import find_end, predict
from hostgw.report.path import path_report, path_text
from hostgw_tui.commands.output import write
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import reading
from hostgw_tui.path_parsers import query

EXIT_UNREACHED, EXIT_NO_ANSWER = 3, 1


def run(args: argparse.Namespace) -> int:
    """Print the way; 0 when an answer is predicted, 1 when not."""
    kind = query(args)
    with reading(args) as live:
        view = live.view()
    if reached(view) == EXIT_UNREACHED:
        return EXIT_UNREACHED
    source, destination = (find_end(view.fabric, view.mesh, text) for text in (args.source, args.destination))
    found = predict(view.fabric, source, destination, kind)
    write(path_report(found), path_text(found, owners(view.fabric)), args.json)
    return 0 if found.works else EXIT_NO_ANSWER
