"""What config.toml may hold, with what each setting means."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from hostgw.logfile import Level


class Theme(StrEnum):
    """How the dashboard is painted."""

    DARK = "dark"
    LIGHT = "light"
    ANSI = "ansi"
    """With the terminal's own sixteen colours."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; everything may be left out."""

    hosts: tuple[str, ...] = ()
    inventory: str = ""
    network: str = ""
    ssh_config: str = ""
    sudo: bool = False
    read_only: bool = False
    timeout: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    theme: Theme = Theme.DARK
    ascii: bool = False
    fps: Annotated[int, Meta(ge=1, le=30)] = 10
    log: str = ""
    log_level: Level = Level.INFO
    keys: dict[str, str | tuple[str, ...]] = {}


MEANINGS = {
    "hosts": "the hosts when none are named: names of your ssh settings, or user@address:port",
    "inventory": "a hosts.toml instead (docs/hosts-toml.md); without both, hosts.toml beside this file is taken",
    "network": "the cluster network of those hosts, where looking does not tell it",
    "ssh_config": "OpenSSH client settings instead of your own",
    "sudo": "become root by sudo on the hosts",
    "read_only": "refuse every change",
    "timeout": "seconds to wait for the hosts",
    "theme": "dark, light, or ansi: the terminal's own colours",
    "ascii": "paint with ASCII only",
    "fps": "pictures a second at most; over SSH never more than 4",
    "log": "a file in which is written what is done and what fails, without secrets",
    "log_level": "how much of it: debug, info, warning or error",
    "keys": "other keys, by the names that the palette (:) shows",
}
EXAMPLES = {
    "hosts": '["vm1", "vm2", "root@10.0.0.5:2222"]',
    "inventory": '"~/fabric/hosts.toml"',
    "network": '"10.239.0.0/16"',
    "ssh_config": '"~/.ssh/lab_config"',
    "sudo": "true",
    "read_only": "true",
    "timeout": "60",
    "theme": '"light"',
    "ascii": "true",
    "fps": "5",
    "log": '"~/.local/state/hostgw-tui.log"',
    "log_level": '"debug"',
}
KEY_EXAMPLES = ('fix = "f2"', 'next-finding = ["n", "ctrl+n"]')


def template() -> str:
    """Return a file in which everything is explained and nothing is set."""
    lines = ["# hostgw-tui: settings. What the command line says goes before what is said here.", ""]
    for name, example in EXAMPLES.items():
        lines += [f"# {MEANINGS[name]}", f"# {name} = {example}", ""]
    lines += [f"# {MEANINGS['keys']}", "# [keys]", *(f"# {example}" for example in KEY_EXAMPLES)]
    return "\n".join(lines) + "\n"
