"""What configuration files say of the network: a fixed list of files, of each only the keys that are named here.

A file is read again only when it is another one or has changed. Files of equal name in layers of directories
(``/etc/sysctl.d`` before ``/usr/lib/sysctl.d``) hide each other, as they do for the programs that read them.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Tuple

from hostgw.agent import settings_text as text
from hostgw.agent.settings_text import Parser

Row = Dict[str, Any]
MAX_SIZE = 256 << 10
MAX_FILES = 64
"""In one directory."""
MAX_ROWS = 600
"""Of one file."""
MAX_TOTAL = 3000
MAX_VALUE = 200
BROKEN = "(broken)"
"""Key of the row that says where a file stops being JSON; never what stands there."""
_NONE: FrozenSet[str] = frozenset()


class Place(NamedTuple):
    """Where files of one kind are: a file, or all of a directory that end alike."""

    paths: Tuple[str, ...]
    """Files; or directories, which end in a slash, those first that hide the others. One part may be a pattern."""
    parse: Parser
    keys: FrozenSet[str] = _NONE
    endings: Tuple[str, ...] = ("",)


def _layers(name: str) -> Tuple[str, ...]:
    return tuple("%s/%s/" % (root, name) for root in ("/etc", "/run", "/usr/local/lib", "/usr/lib"))


_FLANNEL = frozenset({"FLANNEL_NETWORK", "FLANNEL_SUBNET", "FLANNEL_MTU", "FLANNEL_IPMASQ"})
_NET_CONF = frozenset({"Network", "SubnetLen", "SubnetMin", "SubnetMax", "Backend.Type", "Backend.DirectRouting"})
_DOCKER = frozenset(
    {
        *("bip", "iptables", "ip-masq", "ip-forward", "ip-forward-no-drop", "fixed-cidr", "mtu", "bridge", "icc"),
        *("allow-direct-routing", "firewall-backend"),
        *("default-address-pools.*.base", "default-address-pools.*.size"),
    }
)
_PLUGIN = ("type", "ipMasq", "bridge", "isGateway", "isDefaultGateway", "hairpinMode", "promiscMode", "mtu")
_IPAM = tuple("ipam." + key for key in ("type", "subnet", "rangeStart", "rangeEnd"))
_RANGES = tuple("ipam.ranges.*.*." + key for key in ("subnet", "rangeStart", "rangeEnd"))
_ONE_PLUGIN = (*_PLUGIN, *("delegate." + key for key in _PLUGIN), *_IPAM, *_RANGES)
_CNI = frozenset(["name", *_ONE_PLUGIN, *("plugins.*." + key for key in _ONE_PLUGIN)])
_NETWORKD = frozenset({"Network.ManageForeignRoutes", "Network.ManageForeignRoutingPolicyRules"})
_NETWORK = frozenset({"Network.KeepConfiguration"})
_MANAGER = frozenset({"keyfile.unmanaged-devices", "device*.match-device", "device*.managed"})
_DEVICE = frozenset({"device.managed", "device.connection-uuid"})
_UFW = frozenset({"ENABLED", "DEFAULT_FORWARD_POLICY"})
_DMI = ("sys_vendor", "product_name", "chassis_asset_tag")

PLACES: Tuple[Place, ...] = (
    Place(("/run/flannel/subnet.env",), text.environment, _FLANNEL),
    Place(("/etc/kube-flannel/net-conf.json",), text.tree, _NET_CONF),
    Place(("/etc/docker/daemon.json",), text.tree, _DOCKER),
    Place(("/etc/cni/net.d/",), text.tree, _CNI, (".conf", ".conflist", ".json")),
    Place((*_layers("sysctl.d"), "/lib/sysctl.d/"), text.sysctl, _NONE, (".conf",)),
    Place(("/etc/sysctl.conf",), text.sysctl),
    Place(_layers("modules-load.d"), text.modules, _NONE, (".conf",)),
    Place(("/etc/modules",), text.modules),
    Place(("/etc/systemd/networkd.conf",), text.ini, _NETWORKD),
    Place(_layers("systemd/networkd.conf.d"), text.ini, _NETWORKD, (".conf",)),
    Place(_layers("systemd/network")[:2], text.network_file, _NETWORK, (".network",)),
    Place(("/etc/systemd/network/*.network.d/",), text.network_file, _NETWORK, (".conf",)),
    Place(("/run/systemd/netif/links/",), text.environment, frozenset({"ADMIN_STATE", "NETWORK_FILE"})),
    Place(("/etc/NetworkManager/NetworkManager.conf",), text.ini, _MANAGER),
    Place(_layers("NetworkManager/conf.d"), text.ini, _MANAGER, (".conf",)),
    Place(_layers("NetworkManager/system-connections"), text.keyfile, frozenset({"connection.interface-name"})),
    Place(("/run/NetworkManager/devices/",), text.ini, _DEVICE),
    Place(("/etc/netplan/",), text.netplan, _NONE, (".yaml",)),
    Place(("/etc/network/interfaces", "/etc/rc.local"), text.route_lines),
    Place(("/etc/network/interfaces.d/",), text.route_lines),
    Place(("/etc/network/if-up.d/",), text.route_lines),
    Place(("/etc/sysconfig/network-scripts/",), text.route_lines),
    Place(("/etc/systemd/system/",), text.route_lines, _NONE, (".service",)),
    Place(("/etc/ufw/ufw.conf", "/etc/default/ufw"), text.environment, _UFW),
    Place(tuple("/sys/class/dmi/id/%s" % name for name in _DMI), text.single),
    Place(("/sys/module/br_netfilter/initstate",), text.single),
)
RESERVATIONS = "/var/lib/cni/networks/"

Stamp = Tuple[int, int, int]


class Settings:
    """The files as they were read last."""

    def __init__(self, root: str = "") -> None:
        """Read below `root`, for tests; the machine's own files otherwise."""
        self._root = root
        self._known: Dict[str, Tuple[Stamp, List[Row]]] = {}

    def read(self) -> List[Row]:
        """Return all settings; only files that changed are opened."""
        known, self._known = self._known, {}
        rows: List[Row] = []
        for place in PLACES:
            for path in self._files(place):
                rows += self._rows(path, known, lambda file, place=place: self._parsed(file, place))  # type: ignore[misc]
        for name in self._names(RESERVATIONS, ("",)):
            rows += self._rows(RESERVATIONS + name, known, self._reserved)
        return rows[:MAX_TOTAL]

    def _files(self, place: Place) -> Iterator[str]:
        hidden = set()
        for path in place.paths:
            if not path.endswith("/"):
                yield path
                continue
            if "*" in path:
                yield from self._matching(path, place.endings)
                continue
            for name in self._names(path, place.endings):
                if name not in hidden:
                    hidden.add(name)
                    yield path + name

    def _matching(self, pattern: str, endings: Tuple[str, ...]) -> Iterator[str]:
        """Yield the files of all directories that a pattern means."""
        above, _, ending = pattern.rstrip("/").partition("*")
        for directory in self._names(above, (ending,)):
            for name in self._names(above + directory + "/", endings):
                yield above + directory + "/" + name

    def _names(self, directory: str, endings: Tuple[str, ...]) -> List[str]:
        try:
            names = os.listdir(self._root + directory)
        except OSError:
            return []
        return sorted(name for name in names if name.endswith(endings))[:MAX_FILES]

    def _rows(
        self, path: str, known: Dict[str, Tuple[Stamp, List[Row]]], read: Callable[[str], List[Row]]
    ) -> List[Row]:
        try:
            status = os.stat(self._root + path)
        except OSError:
            return []
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        kept = known.get(path)
        if kept is None or kept[0] != stamp:
            regular = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
            kept = stamp, read(path) if regular else []
        self._known[path] = kept
        return kept[1]

    def _parsed(self, path: str, place: Place) -> List[Row]:
        """Return what one file says; of broken JSON, where it breaks; one that cannot be read says nothing."""
        try:
            with open(self._root + path, "rb") as file:
                content = file.read(MAX_SIZE).decode("utf-8", "replace")
            found = list(place.parse(content, place.keys)) if content.strip() else []
        except json.JSONDecodeError as error:
            found = [(BROKEN, "line %d column %d: %s" % (error.lineno, error.colno, error.msg))]
        except (OSError, ValueError, RecursionError):
            return []
        rows = {key: {"path": path, "key": key, "value": value[:MAX_VALUE]} for key, value in found[:MAX_ROWS]}
        return list(rows.values())

    def _reserved(self, path: str) -> List[Row]:
        """Return how many addresses host-local has given away in a network, and one of them to know the range."""
        try:
            names = [name for name in os.listdir(self._root + path) if name[:1].isdigit() and name.count(".") == 3]
        except OSError:
            return []
        values = {"reservations": str(len(names)), **({"example": min(names)} if names else {})}
        return [{"path": path, "key": key, "value": value[:MAX_VALUE]} for key, value in values.items()]
