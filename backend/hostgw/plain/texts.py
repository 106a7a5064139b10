"""Kernel settings, counters, programs, rules and flannel's lease, from files and from what firewall tools save."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from hostgw.agent import settings_text, sysctls
from hostgw.agent.filters import INCOMPATIBLE, MAX_TEXT, STAMP, TOO_LONG, without_iptables
from hostgw.agent.programs import NAMES
from hostgw.model.kernel import Filter, Program, Setting, Snmp, Sysctl
from hostgw.plain.parts import Part

LEASE: Final = "/run/flannel/subnet.env"
_LEASED: Final = frozenset({"FLANNEL_NETWORK", "FLANNEL_SUBNET", "FLANNEL_MTU", "FLANNEL_IPMASQ"})
_PROC: Final = "/proc/sys/"
_LONG: Final = 15


def lines(part: Part) -> Iterator[tuple[str, str]]:
    """Yield the files and lines of `grep -H`."""
    for line in part.text.splitlines():
        path, colon, value = line.partition(":")
        if colon and path.startswith("/"):
            yield path, value


def settings_of_kernel(part: Part) -> tuple[Sysctl, ...]:
    """Return the settings below /proc/sys."""
    found = {path.removeprefix(_PROC): value.strip().replace("\t", " ") for path, value in lines(part)}
    if sysctls.COUNT in found:
        found[sysctls.COUNT] = sysctls.stepped(found[sysctls.COUNT], found.get(sysctls.MOST, ""))
    return tuple(Sysctl(path, value) for path, value in found.items() if path.startswith("net/"))


def lease(part: Part) -> tuple[Setting, ...]:
    """Return what flannel has written down of its subnet."""
    text = "\n".join(value for path, value in lines(part) if path == LEASE)
    return tuple(Setting(LEASE, key, value[:200]) for key, value in settings_text.environment(text, _LEASED))


def snmp(part: Part) -> tuple[Snmp, ...]:
    """Return the protocol counters."""
    found, text = [], part.text.splitlines()
    for names, values in zip(text[::2], text[1::2], strict=False):
        group = names.partition(":")[0]
        for name, value in zip(names.split()[1:], values.split()[1:], strict=False):
            if (group + name).startswith(sysctls.SNMP_PREFIXES) and value.lstrip("-").isdigit():
                found.append(Snmp(group + name, int(value)))
    return tuple(found)


def programs(part: Part) -> tuple[Program, ...]:
    """Return the programs that may own routes, bridges or rules, each once."""
    full = {name[:_LONG]: name for name in NAMES}
    found: dict[str, int] = {}
    for path, comm in lines(part):
        pid = path.split("/")[2]
        if comm in full and pid.isdigit():
            found.setdefault(full[comm], int(pid))
    return tuple(Program(name, pid) for name, pid in sorted(found.items()))


def filters(saved: Part, legacy: Part, native: Part) -> tuple[Filter, ...]:
    """Return the rules of every backend that holds some, or why they could not be read."""
    incompatible = set(INCOMPATIBLE.findall(saved.text))
    found = (_saved("nft", saved), _saved("legacy", legacy), _native(native, incompatible))
    return tuple(each for each in found if each)


def _saved(backend: str, part: Part) -> Filter | None:
    text = STAMP.sub("", part.text).strip()
    if part.failed:
        return Filter(backend, "", part.complaint or "it could not be read")
    if len(text) > MAX_TEXT:
        return Filter(backend, "", TOO_LONG)
    return Filter(backend, text) if text or backend == "nft" else None


def _native(part: Part, incompatible: set[str]) -> Filter | None:
    if part.failed:
        return Filter("nftables", "", part.complaint or "it could not be read")
    if not part.text.strip():
        return None
    try:
        entries: list[dict[str, Any]] = json.loads(part.text)["nftables"]
        kept = without_iptables(entries, incompatible)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Filter("nftables", "", "nft wrote no JSON")
    text = json.dumps({"nftables": kept})
    return Filter("nftables", text) if any("table" in entry for entry in kept) else None
