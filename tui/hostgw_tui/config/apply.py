"""From settings to the options of a command: what was typed goes before what is written down."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw_tui.config.load import HOSTS, NAME, directory, read
from hostgw_tui.config.model import Config

NAMED = ("hosts", "inventory", "lab", "replay", "demo")
"""Options of which one says what is shown."""
DEMO = Path(__file__).parents[1] / "demo.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting, and where it comes from."""

    name: str
    value: str
    source: str


def apply(args: argparse.Namespace, forgiving: bool = False) -> None:
    """Complete the options of a command line; `forgiving` goes on without a file that is wrong.

    Raises:
        UsageError: config.toml is wrong.
    """
    place = directory()
    try:
        config = read(place / NAME)
    except UsageError:
        if not forgiving:
            raise
        config = Config()
    args.config = config
    args.replay = DEMO if args.demo else args.replay
    if args.command != "lab" and not any(getattr(args, name, None) for name in NAMED):
        _hosts(args, config, place)
    args.ssh_config = args.ssh_config or (_path(config.ssh_config) if config.ssh_config and not args.lab else None)
    args.sudo, args.read_only = args.sudo or config.sudo, args.read_only or config.read_only
    args.timeout = args.timeout or config.timeout
    args.log = args.log or (_path(config.log) if config.log else None)
    args.log_level = args.log_level or config.log_level.value


def _hosts(args: argparse.Namespace, config: Config, place: Path) -> None:
    """Take the hosts that are written down, and with them their network."""
    if config.hosts and config.inventory:
        raise UsageError(f"{place / NAME}: hosts and inventory exclude each other", "", "Leave one of them out.")
    if config.hosts:
        args.hosts = ",".join(config.hosts)
    elif config.inventory:
        args.inventory = place / _path(config.inventory)  # a relative one begins there
    elif (place / HOSTS).is_file():
        args.inventory = place / HOSTS
    args.network = args.network or config.network or None


def _path(text: str) -> Path:
    return Path(text).expanduser()


def settings(config: Config, path: Path) -> tuple[Setting, ...]:
    """Return all settings with their sources."""
    usual = Config()
    return tuple(
        Setting(
            name,
            _text(value := getattr(config, name)),
            str(path) if value != getattr(usual, name) else "default",
        )
        for name in Config.__struct_fields__
    )


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return clean(", ".join(map(str, value)), 400)
    if isinstance(value, dict):
        return clean(", ".join(f"{key} = {_text(each)}" for key, each in value.items()), 400)
    return clean(str(value).lower() if isinstance(value, bool) else str(value), 400)
