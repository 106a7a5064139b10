"""`hostgw-tui config`: write a file of settings, or say what is set and where."""

from __future__ import annotations

import argparse
import os

from hostgw.errors import UsageError
from hostgw.report.model import SCHEMA, ConfigReport, SettingReport
from hostgw_tui.actions import ACTIONS
from hostgw_tui.commands.output import narrate, write
from hostgw_tui.config.apply import settings
from hostgw_tui.config.keys import remapped
from hostgw_tui.config.load import HOSTS, NAME, directory, open_to_others, read
from hostgw_tui.config.model import template


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    return _init(args.force) if args.what == "init" else _show(args.json)


def _init(force: bool) -> int:
    path = directory() / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
        with os.fdopen(os.open(path, how, 0o644), "w", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", "", "--force writes it anew.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written", error.strerror or "") from error
    narrate(f"wrote {path}: everything is explained, nothing is set")
    return 0


def _show(as_json: bool) -> int:
    path = directory() / NAME
    config = read(path)
    remapped(ACTIONS, config.keys, str(path))
    rows = [SettingReport(row.name, row.value, row.source) for row in settings(config, path)]
    if not config.hosts and not config.inventory and (hosts := path.with_name(HOSTS)).is_file():
        rows = [SettingReport("inventory", str(hosts), "it is there") if r.name == "inventory" else r for r in rows]
    width = max(len(row.value) for row in rows)
    lines = [f"{row.name:<11} {row.value or '-':<{width}}  {row.source}" for row in rows]
    write(ConfigReport(SCHEMA, str(path), path.is_file(), tuple(rows)), lines, as_json)
    if open_to_others(path):
        narrate(f"beware: others can write to {path}")
    return 0
