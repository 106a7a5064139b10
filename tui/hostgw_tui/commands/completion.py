"""`hostgw-tui completion SHELL`: what makes a shell complete our command lines."""

from __future__ import annotations

import argparse
import sys

from argcomplete.shell_integration import shellcode


def run(args: argparse.Namespace) -> int:
    """Print what a shell has to read."""
    sys.stdout.write(shellcode(["hostgw-tui"], shell=args.shell) + "\n")
    return 0
