"""The pyroute2 modules that travel with the agent: message classes and what they import, nothing else."""

from __future__ import annotations

_RTNL = "pyroute2.netlink.rtnl"
_PLUGINS = (
    *("bond", "can", "geneve", "gtp", "ipoib", "ipvlan", "team"),
    *("tun", "tuntap", "vlan", "vrf", "vti", "vti6", "vxlan", "xfrm"),
)
"""What the class of the links imports."""

SHIPPED_PYROUTE2 = (
    "pyroute2.common",
    "pyroute2.config",
    "pyroute2.netlink",
    "pyroute2.netlink.exceptions",
    _RTNL,
    f"{_RTNL}.fibmsg",
    f"{_RTNL}.ifaddrmsg",
    f"{_RTNL}.ifinfmsg",
    f"{_RTNL}.ifinfmsg.plugins",
    *(f"{_RTNL}.ifinfmsg.plugins.{name}" for name in _PLUGINS),
    f"{_RTNL}.iw_event",
)
"""Closed under import; `pyroute2` itself is replaced by an empty package."""
