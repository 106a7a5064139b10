"""Changes as data: what an object was (`before`, read on the host) and what it shall be (`after`).

A change is state-based: applying it makes the object `after` when it is `before`, its undo is the same change turned
round, and doing either twice does no harm. `ns` is the agent's handle of the namespace (0: the host's own).
"""

from __future__ import annotations

import msgspec

from hostgw.model.kernel import Address, Neighbour, Route, Rule


class RouteChange(msgspec.Struct, frozen=True, tag_field="kind", tag="route"):
    """All routes to `dst` in `table`, in the order in which the kernel lists them."""

    table: int
    dst: str
    before: tuple[Route, ...]
    after: tuple[Route, ...]
    ns: int = 0


class RuleChange(msgspec.Struct, frozen=True, tag_field="kind", tag="rule"):
    """The policy rules of one `priority`."""

    priority: int
    before: tuple[Rule, ...]
    after: tuple[Rule, ...]
    ns: int = 0


class LinkState(msgspec.Struct, frozen=True):
    """What of a device we change; None where a change does not look at it."""

    up: bool
    master: int = 0
    mtu: int = 1500
    mac: str = ""
    mac_is_set: bool | None = None
    """A bridge keeps its address when ports come and go; that cannot be taken back."""
    stp: bool | None = None
    hairpin: bool | None = None
    isolated: bool | None = None


class LinkChange(msgspec.Struct, frozen=True, tag_field="kind", tag="link"):
    """A device; `index` is its identity, `name` is for people."""

    index: int
    name: str
    before: LinkState
    after: LinkState
    ns: int = 0


class BridgeChange(msgspec.Struct, frozen=True, tag_field="kind", tag="bridge"):
    """A bridge that is there or not; one that is made is up, and keeps `mac` whatever ports come and go."""

    name: str
    mac: str
    before: bool
    after: bool
    ns: int = 0


class AttachmentChange(msgspec.Struct, frozen=True, tag_field="kind", tag="attachment"):
    """A container namespace that hangs on a bridge by a veth pair, with address and default route, or does not.

    The pair's other end is `inner` in the namespace at `path`; it goes with everything on it when `name` is deleted.
    """

    name: str
    bridge: str
    path: str
    inner: str
    address: str
    """With length: ``10.239.0.2/24``."""
    gateway: str
    before: bool
    after: bool
    ns: int = 0


class AddressChange(msgspec.Struct, frozen=True, tag_field="kind", tag="address"):
    """All IPv4 addresses of a device, in order; `index` 0: of the device of that name, which may not be there yet."""

    index: int
    name: str
    before: tuple[Address, ...]
    after: tuple[Address, ...]
    ns: int = 0


class NeighbourChange(msgspec.Struct, frozen=True, tag_field="kind", tag="neighbour"):
    """One neighbour entry; None is no entry. A learned entry cannot be put back, only a permanent one."""

    index: int
    name: str
    address: str
    before: Neighbour | None
    after: Neighbour | None
    ns: int = 0


class SysctlChange(msgspec.Struct, frozen=True, tag_field="kind", tag="sysctl"):
    """Kernel settings, path below /proc/sys to value; written in the order given.

    Writing ip_forward resets every conf/*/forwarding, so `before` and `after` list those too.
    """

    before: dict[str, str]
    after: dict[str, str]
    ns: int = 0


class ChainChange(msgspec.Struct, frozen=True, tag_field="kind", tag="chain"):
    """The rules of one iptables chain in order, each as `iptables-save` writes it, without the counter (``-A ...``)."""

    backend: str
    table: str
    chain: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    ns: int = 0
    missing: str = ""
    """On which side, ``before`` or ``after``, there is no such chain or table: one made for a rule goes with it."""


class NftRuleChange(msgspec.Struct, frozen=True, tag_field="kind", tag="nft-rule"):
    """How many rules of a chain of native nftables accept packets between two prefixes; a new one is put first."""

    family: str
    table: str
    chain: str
    source: str
    destination: str
    before: int
    after: int
    ns: int = 0


class FileChange(msgspec.Struct, frozen=True, tag_field="kind", tag="file"):
    """A configuration file with all that it holds; None where there is no file. It outlives a reboot.

    One that is replaced keeps its owner.
    """

    path: str
    before: str | None
    after: str | None
    mode: int = 0o644
    """Its permissions, now and afterwards."""
    parents: tuple[str, ...] = ()
    """Directories that are there only while the file is, the outermost first: made for it, deleted with it."""
    ns: int = 0


class ServiceChange(msgspec.Struct, frozen=True, tag_field="kind", tag="service"):
    """Restart a daemon, so that it reads its files; taken back by another restart, after its files were put back."""

    service: str
    ns: int = 0


class ConntrackChange(msgspec.Struct, frozen=True, tag_field="kind", tag="conntrack"):
    """Delete tracked flows between two prefixes; it cannot be undone (flows are tracked anew)."""

    source: str
    destination: str
    """Of the flow's first packet, before NAT."""
    ns: int = 0
    protocol: str = ""
    """Only flows of this protocol; empty for any."""
    snat: bool = False
    """Only flows whose source is rewritten."""
    dnat_to: str = ""
    """Only flows that are translated to this address."""


Change = (
    RouteChange
    | RuleChange
    | LinkChange
    | BridgeChange
    | AttachmentChange
    | AddressChange
    | NeighbourChange
    | SysctlChange
    | ChainChange
    | NftRuleChange
    | FileChange
    | ServiceChange
    | ConntrackChange
)
