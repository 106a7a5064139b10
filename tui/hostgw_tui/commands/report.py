"""`hostgw-tui report`: the state of the network as a document for others."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from hostgw.errors import UsageError
from hostgw.mask import Mask
from hostgw.report.share import names, shared
from hostgw_tui.commands.output import narrate
from hostgw_tui.commands.reached import reached
from hostgw_tui.options import reading


def run(args: argparse.Namespace) -> int:
    """Write the document to a file or to stdout."""
    form = "json" if args.json else args.format
    with reading(args) as live:
        view = live.view()
        masked = Mask(names(view.fabric)).text if args.mask else str
        text = shared(view, form, live.clock(), live.local, masked)
    if args.output:
        write_private(args.output, text)
        narrate(f"wrote {args.output}")
    else:
        sys.stdout.write(text)
    return reached(view)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written", error.strerror or "") from error
