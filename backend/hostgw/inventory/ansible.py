"""Hosts from Ansible: the output of ``ansible-inventory --list`` (its JSON, with ``_meta.hostvars``).

Read are the variables by which Ansible connects, and our own: `hostgw_subnet` (text or list), `hostgw_underlay`,
`hostgw_role`. Templates in them are not worked out: ansible-inventory prints them as they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.inventory.hosts_toml import HostEntry, entries
from hostgw.inventory.inventory import Inventory
from hostgw.inventory.naming import Naming
from hostgw.model.host import Role

ALL, META = "all", "_meta"


class Variables(msgspec.Struct, frozen=True):
    """What is read of a host's variables; the others, passwords among them, are not looked at."""

    ansible_host: str = ""
    ansible_port: int | str = 0
    ansible_user: str = ""
    ansible_connection: str = ""
    ansible_become: bool | str | None = None
    ansible_python_interpreter: str = ""
    hostgw_subnet: str | list[str] = ""
    hostgw_underlay: str = ""
    hostgw_role: Role = Role.OWNER


class Group(msgspec.Struct, frozen=True):
    """A group of hosts."""

    hosts: list[str] = []


class Meta(msgspec.Struct, frozen=True):
    """What is known of single hosts."""

    hostvars: dict[str, Any] = {}


def is_ansible(data: Mapping[str, Any]) -> bool:
    """Tell whether JSON is what ansible-inventory prints."""
    return isinstance(data.get(META), dict) or (isinstance(data.get(ALL), dict) and "children" in data[ALL])


def ansible(data: Mapping[str, Any], naming: Naming, name: str) -> Inventory:
    """Return the inventory that Ansible's describes: every host of every group, once, in the order of the groups.

    Raises:
        UsageError: something in it is wrong; the message says of which host.
    """
    try:
        groups = {each: msgspec.convert(group, Group) for each, group in data.items() if each != META}
        held = msgspec.convert(data.get(META, {}), Meta).hostvars
    except msgspec.ValidationError as error:
        raise UsageError(f"{name} is wrong", clean(str(error), 200)) from error
    hosts = dict.fromkeys(host for group in groups.values() for host in group.hosts)
    if not hosts:
        raise UsageError(f"{name} names no hosts", "no group has any", "ansible-inventory --list prints them.")
    return entries({host: _entry(host, held.get(host, {}), naming, name) for host in hosts}, name)


def _entry(host: str, held: object, naming: Naming, name: str) -> HostEntry:
    try:
        told = msgspec.convert(held, Variables)
        port = int(told.ansible_port)
    except (msgspec.ValidationError, ValueError) as error:
        raise UsageError(f"{name}: host {clean(host, 60)} is wrong", clean(str(error), 200)) from error
    local = told.ansible_connection == "local"
    reached = naming.target(host, told.ansible_host or host)
    interpreter = told.ansible_python_interpreter
    return HostEntry(
        address="local" if local else reached.host if reached.host != host else "",
        user=told.ansible_user or reached.user,
        port=port,
        subnet=told.hostgw_subnet,
        underlay=told.hostgw_underlay,
        role=told.hostgw_role,
        sudo=True if str(told.ansible_become).lower() in ("true", "yes") else None,
        python=interpreter if interpreter.startswith("/") else "",
    )
