"""Docker's own bridge as the bridge of a subnet: what daemon.json says, and the restart that makes it so.

Docker gives docker0 the address of ``bip`` when it starts, and with ``iptables`` false leaves all rules to others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hostgw.errors import UsageError
from hostgw.fabric import Host
from hostgw.model.change import FileChange, ServiceChange
from hostgw.model.file import HostFile
from hostgw.model.ip import Prefix, address_text, maybe_prefix
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import RESTART_DOCKER
from hostgw.plans.setup.wishes import HostWish, holds
from hostgw.plans.steps import step

DAEMON_JSON = "/etc/docker/daemon.json"
SERVICE = "docker"
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


@dataclass(frozen=True)
class Docker:
    """What is known of Docker's settings by host, and whether it may be restarted."""

    files: Mapping[str, HostFile] = field(default_factory=dict)
    systemd: frozenset[str] = frozenset()
    """Hosts on which a restart can be asked for."""
    restart: bool = False
    asked: bool = True
    """The hosts were asked at all."""


NOT_ASKED = Docker(asked=False)


def file_steps(host: Host, wish: HostWish, docker: Docker) -> Iterator[Step]:
    """Yield the change of daemon.json.

    Raises:
        UsageError: it cannot be read, is no JSON object, or says something that does not go with the subnet.
    """
    if not docker.asked:
        return
    held = docker.files.get(host.name)
    if held is None or held.error:
        raise UsageError(
            f"{host.name}: {DAEMON_JSON} cannot be read", held.error if held else "the host did not answer"
        )
    text = daemon_text(host.name, held.text, wish)
    if text != held.text:
        there = held.text is not None
        change = FileChange(DAEMON_JSON, held.text, text, held.mode if there else 0o644, () if there else held.missing)
        yield step(host, change, f"Docker gives {wish.bridge} the gateway of {wish.subnet}, and writes no rules")


def restart_steps(host: Host, wish: HostWish, docker: Docker) -> Iterator[Step]:
    """Yield the restart, where it is allowed, needed and possible."""
    if docker.restart and host.name in docker.systemd and not holds(host, wish):
        yield step(host, ServiceChange(SERVICE), RESTART_DOCKER)


def notes(host: Host, wish: HostWish, docker: Docker) -> Iterator[str]:
    """Yield what is left to do by hand."""
    if not docker.asked:
        yield f"{host.name}: Docker makes {wish.bridge}; its settings were not read: `hostgw-tui setup` does so"
        return
    if holds(host, wish) or next(restart_steps(host, wish, docker), None):
        return
    how = "--restart-docker does so" if host.name in docker.systemd else "no systemd runs there to do so"
    yield f"{host.name}: docker has to be restarted before {wish.bridge} is the gateway of {wish.subnet}: {how}"


def daemon_text(host: str, text: str | None, wish: HostWish) -> str:
    """Return daemon.json with the address of a bridge in it; all other keys stay, in their order."""
    settings = _parsed(host, text) if text and text.strip() else {}
    wanted = {"bip": f"{address_text(wish.gateway)}/{wish.subnet.length if wish.subnet else 0}", "iptables": False}
    _check_range(host, settings, wish.subnet)
    if text and all(name in settings and settings[name] == value for name, value in wanted.items()):
        return text
    return json.dumps(settings | wanted, indent=_indent(text or ""), ensure_ascii=False) + "\n"


def _parsed(host: str, text: str) -> dict[str, Any]:
    remedy = f"Mend it on {host} first: Docker itself would not start with it."
    try:
        found = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{host}: {DAEMON_JSON} is no valid JSON", str(error), remedy) from None
    if not isinstance(found, dict):
        raise UsageError(f"{host}: {DAEMON_JSON} is no JSON object", "", remedy)
    return found


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no value of JSON")


def _check_range(host: str, settings: Mapping[str, Any], subnet: Prefix | None) -> None:
    """Raise UsageError where Docker would not start: its range of addresses must lie in the bridge's subnet."""
    told = settings.get("fixed-cidr")
    found = maybe_prefix(told) if isinstance(told, str) else None
    if told is not None and not (found and subnet and subnet.covers(found)):
        remedy = "Take it out, or give the host the subnet that holds it: --subnet HOST=PREFIX."
        raise UsageError(f"{host}: fixed-cidr in {DAEMON_JSON} is not in {subnet}", "", remedy)


def _indent(text: str) -> str | int:
    """Return what the file is indented with; two blanks for a new one, and for one that is a single line."""
    found = _INDENT.search(text)
    return found[0] if found else 2
