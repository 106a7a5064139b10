"""`hostgw-tui schema`: the JSON schemas of our outputs."""

from __future__ import annotations

import argparse
import json
import sys

from hostgw.report.model import json_schema


def run(args: argparse.Namespace) -> int:
    """Print a schema."""
    sys.stdout.write(json.dumps(json_schema(args.name), indent=2, ensure_ascii=False) + "\n")
    return 0
