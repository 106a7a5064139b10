"""Read ``hosts.toml``: who the hosts are and what they are meant to be (docs/hosts-toml.md)."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.inventory.inventory import Intent, Inventory
from hostgw.inventory.targets import LOCAL, unique
from hostgw.model.host import Role
from hostgw.model.ip import Prefix, address_number, prefix
from hostgw.ssh.target import Target, checked

_SEE = "docs/hosts-toml.md shows the format."

T = TypeVar("T")


class HostEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ``[hosts.NAME]`` table."""

    address: str = ""
    user: str = ""
    port: int = 0
    subnet: str | list[str] = ""
    underlay: str = ""
    role: Role = Role.OWNER
    sudo: bool | None = None
    python: str = ""


class HostsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    network: str = ""
    complete: bool = False
    hosts: dict[str, HostEntry] = {}


def parse(text: str, name: str = "hosts.toml") -> Inventory:
    """Return the inventory that `text` describes.

    Raises:
        UsageError: something in it is wrong; the message says where.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is no TOML", clean(str(error), 200), _SEE) from error
    _known_keys(data, HostsFile, name, "")
    for host, table in _tables(data, name).items():
        _known_keys(table, HostEntry, name, f"hosts.{host}.")
    try:
        return _inventory(msgspec.convert(data, HostsFile), name)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name} is wrong", clean(str(error), 200), _SEE) from error


def _tables(data: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    hosts = data.get("hosts", {})
    if not isinstance(hosts, dict) or not all(isinstance(table, dict) for table in hosts.values()):
        raise UsageError(f"{name}: hosts must be tables", "expected [hosts.NAME]", _SEE)
    if not hosts:
        raise UsageError(f"{name} names no hosts", "expected [hosts.NAME]", _SEE)
    return hosts


def _known_keys(table: Mapping[str, Any], kind: type[msgspec.Struct], name: str, where: str) -> None:
    valid = kind.__struct_fields__
    for key in table:
        if key not in valid:
            nearest = difflib.get_close_matches(key, valid, 1, 0.5)
            hint = f"Did you mean `{nearest[0]}`?" if nearest else f"Known: {', '.join(valid)}."
            raise UsageError(f"{name}: unknown key {clean(where + key, 80)}", "", hint)


def _inventory(file: HostsFile, name: str) -> Inventory:
    network = _value(prefix, file.network, f"{name}: network") if file.network else None
    return replace(entries(file.hosts, name), network=network, complete=file.complete)


def entries(hosts: Mapping[str, HostEntry], name: str) -> Inventory:
    """Return the inventory of hosts, whatever told of them.

    Raises:
        UsageError: something is wrong; the message says of which host.
    """
    targets = unique(tuple(_target(host, entry) for host, entry in hosts.items()))
    intents = {host: _intent(host, entry, name) for host, entry in hosts.items()}
    _no_shared_subnets(intents, name)
    return Inventory(targets, intents)


def _target(host: str, entry: HostEntry) -> Target:
    local = host == LOCAL or entry.address == LOCAL
    address = "" if local else entry.address
    return checked(Target(host, entry.user, address, entry.port, local=local, sudo=entry.sudo, python=entry.python))


def _intent(host: str, entry: HostEntry, name: str) -> Intent:
    where = f"{name}: hosts.{clean(host, 60)}"
    texts = [entry.subnet] if isinstance(entry.subnet, str) else entry.subnet
    subnets = tuple(_value(prefix, text, f"{where}.subnet") for text in texts if text)
    if subnets and entry.role is Role.EXTERNAL:
        raise UsageError(f"{where}: an external host owns no subnet", "", "Remove subnet, or role.")
    underlay = _value(address_number, entry.underlay, f"{where}.underlay") if entry.underlay else None
    return Intent(subnets, underlay, entry.role)


def _value(read: Callable[[str], T], text: str, where: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"{where} is wrong", clean(str(error), 120), _SEE) from error


def _no_shared_subnets(intents: Mapping[str, Intent], name: str) -> None:
    owners: dict[Prefix, str] = {}
    for host, intent in intents.items():
        for subnet in intent.subnets:
            if (other := owners.setdefault(subnet, host)) != host:
                raise UsageError(f"{name}: {subnet} has two owners", f"{other} and {host}", "A subnet has one owner.")
