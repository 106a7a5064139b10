"""A host's box: its state, its bridges, its containers and what is to be said of its routes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.topology.graph import BridgeNode, ContainerNode, HostNode, contents, crowd, title
from hostgw.topology.svg_layout import (
    BRIDGE_HEAD,
    CHIP,
    FOOT,
    HEAD,
    LINE,
    WIDTH,
    Placed,
    bridge_height,
    shown,
)
from hostgw.topology.svg_parts import cut, rect, text

INNER = WIDTH - 24
SIGNS = {HostState.UP: "●", HostState.CONNECTING: "◌", HostState.STALE: "~"}


def draw_host(parent: ET.Element, place: Placed) -> None:
    """Add a host."""
    host = place.host
    bad = host.broken or host.error
    kind = f"host{' bad' if bad else ''}{'' if host.state is HostState.UP else ' old'}"
    group = ET.SubElement(parent, "g")
    ET.SubElement(group, "title").text = host.error or f"{host.name} {host.address}"
    rect(group, place.x, place.y, WIDTH, place.height, kind, 8)
    _head(group, place, host)
    y = place.y + HEAD
    for bridge in host.bridges:
        _bridge(group, place.x + 12, y, host, bridge)
        y += bridge_height(bridge) + 8
    if host.apart:
        text(group, place.x + 14, y + 12, cut(f"{crowd(host.apart)} on no bridge", INNER), "wrong")
    elif host.read and not host.bridges:
        text(group, place.x + 14, y + 12, cut(_nothing(host), INNER), "quiet")
    _foot(group, place, host)


def _head(group: ET.Element, place: Placed, host: HostNode) -> None:
    state = f"{SIGNS.get(host.state, '✗')} {host.state.value}"
    text(group, place.x + 14, place.y + 22, cut(host.name, INNER - 8 * len(state), 8.4), "name")
    kind = "good" if host.state is HostState.UP else "wrong"
    text(group, place.x + WIDTH - 14, place.y + 22, state, kind, "end")
    text(group, place.x + 14, place.y + 40, cut(f"{host.interface}  {host.address}".strip(), INNER), "quiet")


def _nothing(host: HostNode) -> str:
    return "no containers here" if host.role is Role.EXTERNAL else "no bridge for containers"


def _foot(group: ET.Element, place: Placed, host: HostNode) -> None:
    if told := host.verdict:
        sign, kind = ("✗", "wrong") if host.broken else ("✓", "good") if host.state is HostState.UP else ("?", "quiet")
        text(group, place.x + 14, place.bottom - FOOT / 2 + 4, cut(f"{sign} {told}", INNER), kind)


def _bridge(group: ET.Element, x: float, y: float, host: HostNode, bridge: BridgeNode) -> None:
    rect(group, x, y, INNER, bridge_height(bridge), "bridge" if bridge.up else "bridge bad")
    subnets = bridge.subnets or ("no subnet",)
    text(group, x + 8, y + 17, cut(title(bridge), INNER - 16 - 7 * len(subnets[0])), "" if bridge.up else "wrong")
    for index, subnet in enumerate(subnets):
        text(group, x + INNER - 8, y + 17 + index * LINE, subnet, "" if bridge.subnets else "quiet", "end")
    top = y + BRIDGE_HEAD + LINE * (len(subnets) - 1)
    if containers := shown(bridge.containers):
        for index, container in enumerate(containers):
            _container(group, x + 8, top + index * CHIP, container)
    else:
        _crowd(group, x + 8, top, host, bridge)


def _container(group: ET.Element, x: float, y: float, container: ContainerNode) -> None:
    width = INNER - 16
    rect(group, x, y, width, CHIP - 4, "box" if container.up else "box bad", 4)
    told = ", ".join(container.addresses) or "no address"
    if not container.up:
        told = f"{told} down"
    text(group, x + width - 6, y + 13, cut(told, width / 2 + 20), "quiet" if container.up else "wrong", "end")
    text(group, x + 6, y + 13, cut(container.name, width - 16 - 6.6 * min(len(told), 18)))


def _crowd(group: ET.Element, x: float, y: float, host: HostNode, bridge: BridgeNode) -> None:
    down = any(not container.up for container in bridge.containers)
    if bridge.containers:
        rect(group, x, y, INNER - 16, CHIP - 4, "box bad" if down else "box", 4)
    text(group, x + 6, y + 13, cut(contents(host, bridge), INNER - 28), "wrong" if down else "quiet")
