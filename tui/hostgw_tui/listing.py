"""Which hosts the options name. It is light: the dashboard shows them before it can reach any."""

from __future__ import annotations

import argparse

from hostgw.errors import UsageError
from hostgw.inventory.files import load
from hostgw.inventory.inventory import Inventory
from hostgw.inventory.naming import naming
from hostgw.inventory.targets import parse_hosts


def inventory(args: argparse.Namespace) -> Inventory:
    """Return the hosts that the options name; with --lab this process enters the lab's operator namespace.

    Raises:
        UsageError: none or too many of --hosts, --inventory and --lab, or what they name is wrong.
        LabError: there is no such lab.
    """
    given = [name for name in ("hosts", "inventory", "lab") if getattr(args, name)]
    if given == ["lab"] or given == ["hosts", "lab"]:
        return _lab(args)
    if len(given) != 1:
        what = "no hosts given" if not given else f"--{given[0]} and --{given[1]} exclude each other"
        raise UsageError(what, "", "Name them: --hosts vm1,vm2 or --inventory hosts.toml; --lab opens a lab.")
    return load(args.inventory, naming(args.ssh_name or "")) if args.inventory else Inventory(parse_hosts(args.hosts))


def _lab(args: argparse.Namespace) -> Inventory:
    from hostgw.lab import enter_operator
    from hostgw.lab import load as load_lab

    lab = load_lab(args.lab)
    args.ssh_config = args.ssh_config or lab.directory / "inside_ssh_config"
    enter_operator(args.lab)
    return Inventory(parse_hosts(args.hosts or ",".join(host.name for host in lab.hosts)))
