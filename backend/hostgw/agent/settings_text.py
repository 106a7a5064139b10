"""Configuration files as text, in their several dialects: (key, value) of what may leave the host, nothing else.

A key is told only when the list of its file names it; a number in a list's place counts as ``*`` there.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Tuple

Pairs = Iterator[Tuple[str, str]]
Parser = Callable[[str, FrozenSet[str]], Pairs]

MAX_DEPTH = 6
_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
_ROUTE_LINE = r"(%s/\d{1,2})\s+(?:via|gw)\s+(%s)" % (_ADDRESS, _ADDRESS)  # compiled where a file holds a route at all
_KEYFILE_ROUTE = r"(%s/\d{1,2}),(%s)(?:,\d+)?$" % (_ADDRESS, _ADDRESS)
_SYSCTLS = frozenset({"net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"})
_MODULES = frozenset({"br_netfilter", "nf_conntrack", "overlay", "ip_vs"})


def environment(text: str, keys: FrozenSet[str]) -> Pairs:
    """Yield the assignments of a file like ``subnet.env``."""
    for line in text.splitlines():
        key, sign, value = line.strip().partition("=")
        if sign and key in keys:
            yield key, _bare(value)


def ini(text: str, keys: FrozenSet[str]) -> Pairs:
    """Yield ``Section.key`` of an ini file; `keys` may name all sections that begin alike (``device*.managed``)."""
    for section, key, value in _assignments(text):
        name = "%s.%s" % (section, key)
        kind = "device*.%s" % key if section.startswith("device-") else name
        if name in keys or kind in keys:
            yield name, _bare(value)


def network_file(text: str, keys: FrozenSet[str]) -> Pairs:
    """Yield the settings of a networkd file, and its routes as ``route.PREFIX`` with the gateway."""
    yield from ini(text, keys)
    for destination, gateway in _route_sections(text):
        yield "route.%s" % destination, gateway


def _route_sections(text: str) -> Pairs:
    found: Dict[str, str] = {}
    for line in [*text.splitlines(), "[end]"]:
        key, _, value = line.strip().partition("=")
        if key.startswith("["):
            if found.get("Destination") and found.get("Gateway"):
                yield found["Destination"], found["Gateway"]
            found = {"section": key}
        elif found.get("section") == "[Route]":
            found[key.strip()] = value.strip()


def keyfile(text: str, keys: FrozenSet[str]) -> Pairs:
    """Yield the settings of a NetworkManager connection, and its routes as ``route.PREFIX`` with the gateway."""
    yield from ini(text, keys)
    for section, key, value in _assignments(text):
        match = re.match(_KEYFILE_ROUTE, value) if section == "ipv4" and key.startswith("route") else None
        if match:
            yield "route.%s" % match.group(1), match.group(2)


def route_lines(text: str, _keys: FrozenSet[str]) -> Pairs:
    """Yield the routes that a script or an ifupdown file names: ``PREFIX via GATEWAY``."""
    for line in text.splitlines() if " via " in text or " gw " in text else ():
        match = None if line.lstrip().startswith("#") else re.search(_ROUTE_LINE, line)
        if match:
            yield "route.%s" % match.group(1), match.group(2)


def netplan(text: str, _keys: FrozenSet[str]) -> Pairs:
    """Yield which program netplan writes for, and routes as ``route.PREFIX`` with the gateway."""
    named = (line.partition(":")[2].strip() for line in text.splitlines() if line.strip().startswith("renderer:"))
    yield "renderer", next(named, "networkd")
    found: Dict[str, str] = {}
    for line in text.splitlines():
        entry = line.strip()
        if entry.startswith("- "):
            found, entry = {}, entry[2:].strip()
        key, _, value = entry.partition(":")
        found[key] = _bare(value)
        if key in ("to", "via") and "to" in found and "via" in found:
            yield "route.%s" % found["to"], found["via"]


def sysctl(text: str, _keys: FrozenSet[str]) -> Pairs:
    """Yield the settings that matter, with dots between the parts."""
    for line in text.splitlines():
        name, sign, value = line.strip().lstrip("-").partition("=")
        name = _dotted(name.strip())
        per_device = name.startswith("net.ipv4.conf.") and name.endswith((".forwarding", ".rp_filter"))
        if sign and (per_device or name in _SYSCTLS):
            yield name, value.strip()


def _dotted(name: str) -> str:
    """Return a name whose first separator is a slash in the other writing, where dots and slashes change places."""
    first = next((letter for letter in name if letter in "./"), ".")
    return name.translate({ord("/"): ".", ord("."): "/"}) if first == "/" else name


def modules(text: str, _keys: FrozenSet[str]) -> Pairs:
    """Yield the modules that are loaded at boot, as far as they matter."""
    for line in text.splitlines():
        if line.strip() in _MODULES:
            yield line.strip(), "load"


def single(text: str, _keys: FrozenSet[str]) -> Pairs:
    """Yield the one value that a file of /sys is."""
    yield "value", text.strip()


def tree(text: str, keys: FrozenSet[str]) -> Pairs:
    """Yield the values of a JSON file, nested keys dotted."""
    for path, value in _leaves(json.loads(text), [], 0):
        if ".".join("*" if part.isdigit() else part for part in path) in keys:
            yield ".".join(path), value


def _leaves(node: Any, path: List[str], depth: int) -> Iterator[Tuple[List[str], str]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, [*path, str(key)], depth + 1)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _leaves(value, [*path, str(number)], depth + 1)
    elif isinstance(node, bool):
        yield path, "true" if node else "false"
    elif node is not None:
        yield path, str(node)


def _assignments(text: str) -> Iterator[Tuple[str, str, str]]:
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line[:1] not in ("#", ";", ""):
            key, sign, value = line.partition("=")
            if sign:
                yield section, key.strip(), value.strip()


def _bare(value: str) -> str:
    return value.strip().strip("\"'")
