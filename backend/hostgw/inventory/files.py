"""An inventory file of any kind: hosts.toml, the nodes of a cluster, an inventory of Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.inventory import hosts_toml
from hostgw.inventory.ansible import ansible, is_ansible
from hostgw.inventory.inventory import Inventory
from hostgw.inventory.kubernetes import is_nodes, nodes
from hostgw.inventory.naming import Naming

MAX_BYTES = 64 << 20
"""Nodes have much else in them: a thousand take about 20 MB."""
KINDS = "Known are hosts.toml, the output of 'kubectl get nodes -o json' and that of 'ansible-inventory --list'."


def load(path: Path, naming: Naming | None = None) -> Inventory:
    """Read an inventory file; JSON begins with a brace.

    Raises:
        UsageError: it cannot be read, or something in it is wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}", clean(error.strerror or str(error))) from error
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MB", "no inventory is", KINDS)
    if raw.lstrip()[:1] == b"{":
        return _json(raw, naming or Naming(), str(path))
    return hosts_toml.parse(_text(raw, path), str(path))


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text", clean(str(error), 120)) from error


def _json(raw: bytes, naming: Naming, name: str) -> Inventory:
    try:
        data = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UsageError(f"{name} is no JSON", clean(str(error), 200), KINDS) from error
    if is_nodes(data):
        return nodes(data, naming, name)
    if is_ansible(data):
        return ansible(data, naming, name)
    raise UsageError(f"{name} is no inventory that is known", f"its keys: {clean(', '.join(data), 120)}", KINDS)
