"""Why each kind of step of a set-up is needed: one sentence in plain words, with the facts of this host in it."""

from __future__ import annotations

from hostgw.model.ip import Prefix, address_text
from hostgw.plans.setup.wishes import HostWish, Wishes


def bridge(wish: HostWish) -> str:
    """Say why a host needs a bridge."""
    return (
        f"the containers of {wish.name} are plugged into {wish.bridge}, as into a switch; a fixed MAC address keeps "
        "them from losing their gateway when one of them comes or goes"
    )


def gateway(wish: HostWish) -> str:
    """Say why the bridge holds an address."""
    return (
        f"containers send all that leaves {wish.subnet} to {address_text(wish.gateway)}, their default gateway; with "
        "the address comes the route by which the host reaches them"
    )


def forwarding(wish: HostWish) -> str:
    """Say why a host has to forward."""
    return (
        f"a packet that comes in by {wish.bridge} has to leave by the NIC, and the other way round: without forwarding "
        f"the kernel of {wish.name} drops it"
    )


def masquerade(wish: HostWish, wishes: Wishes) -> str:
    """Say what the four NAT rules are good for."""
    return (
        f"inside {wishes.network} containers see each other's own addresses; nobody outside knows a way back to "
        f"{wish.subnet}, so there the address of {wish.name} stands for theirs"
    )


def jump(wish: HostWish) -> str:
    """Say why our chain comes first."""
    return f"what another program's rule on {wish.name} rewrites first, ours would not see any more: they come first"


def accept(wish: HostWish) -> str:
    """Say why FORWARD gets accepts."""
    return (
        f"{wish.name} drops what it forwards unless a rule accepts it, and so would what {wish.subnet} sends and gets"
    )


def route(mine: str, other: HostWish, via: str, device: str) -> str:
    """Say why a host needs a route to the subnet of another one."""
    subnet = other.subnet or Prefix(0, 0)
    return (
        f"{subnet} lives on {other.name}: {mine} hands packets for it to {via} on the same wire ({device}), with no "
        "tunnel; without the route they would go to the default gateway"
    )


def attachment(container: str, bridge_name: str, gateway_text: str) -> str:
    """Say what hangs a container on a bridge."""
    return (
        f"a veth pair is a cable with two ends: one is a port of {bridge_name}, the other is eth0 in {container}, "
        f"which gets an address of the subnet, and {gateway_text} as its way to everything else"
    )


def detachment(container: str, bridge_name: str) -> str:
    """Say what goes with a container's cable."""
    return f"deleting the end on {bridge_name} deletes the one in {container} too, with its address and routes"


def forgotten(owner: str, mine: str) -> str:
    """Say why a route goes when a host leaves."""
    return f"{owner} and {mine} go separate ways: packets for it would be sent to where nobody takes them"
