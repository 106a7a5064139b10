"""systemd-networkd: a drop-in beside the file that matches the NIC, a bridge of its own, and foreign routes left alone.

Sources: systemd.network(5), systemd.netdev(5), networkd.conf(5). A drop-in in /etc applies to a file of that name in
any of the directories, also to one that is generated below /run.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.plans.persist.model import MARK, NAME, BridgeConfig, Draft, Files, Wanted, Way

MANAGER = "networkd"
DIRECTORY = "/etc/systemd/network/"
FOREIGN = f"/etc/systemd/networkd.conf.d/90-{NAME}.conf"


def drop_in(file: str) -> str:
    """Return the path of our drop-in of a .network file."""
    return f"{DIRECTORY}{file}.d/90-{NAME}.conf"


def drafts(wanted: Wanted, files: Files) -> Iterator[Draft]:
    """Yield the files of routes and bridge."""
    path, text = drop_in(wanted.nic.place), routes_text(wanted.ways) if wanted.ways else None
    if change := files.change(path, text):
        yield Draft(change, f"networkd sets the routes with {wanted.nic.name}", ("routes-not-persistent",))
    for bridge in wanted.bridges:
        for kind, content in (("netdev", netdev_text(bridge)), ("network", network_text(bridge))):
            if change := files.change(f"{DIRECTORY}90-{NAME}-{bridge.name}.{kind}", content):
                yield Draft(change, f"networkd makes {bridge.name}" if kind == "netdev" else "and gives it its address")


def foreign_drafts(files: Files) -> Iterator[Draft]:
    """Yield the file that has networkd leave routes and rules alone that it did not make."""
    text = (
        f"# {MARK}: routes that others make stay when networkd restarts.\n"
        "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"
    )
    if change := files.change(FOREIGN, text):
        yield Draft(change, "networkd leaves routes alone that it did not make", ("networkd-purges-routes",))


def routes_text(ways: tuple[Way, ...]) -> str:
    """Return a drop-in with routes."""
    sections = "\n".join(_route(way) for way in ways)
    return f"# {MARK}: routes to the container subnets of other hosts.\n{sections}"


def _route(way: Way) -> str:
    lines = ["[Route]", f"Destination={way.dst}", f"Gateway={way.gateway}"]
    lines += [f"Metric={way.metric}"] if way.metric else []
    return "\n".join([*lines, *(["GatewayOnLink=yes"] if way.onlink else []), ""])


def netdev_text(bridge: BridgeConfig) -> str:
    """Return the file that makes a bridge."""
    head = f"# {MARK}: the bridge of this host's containers.\n"
    return f"{head}[NetDev]\nName={bridge.name}\nKind=bridge\nMACAddress={bridge.mac}\n"


def network_text(bridge: BridgeConfig) -> str:
    """Return the file that configures a bridge: nothing has to be plugged into it for the host to be online."""
    head = f"# {MARK}: the gateway address of this host's containers.\n"
    network = f"Address={bridge.address}\nConfigureWithoutCarrier=yes\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    return f"{head}[Match]\nName={bridge.name}\n\n[Link]\nRequiredForOnline=no\n\n[Network]\n{network}"
