"""What an operator asks an agent for."""

from __future__ import annotations

import msgspec

from hostgw.model.change import Change


class Start(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """First request: settings of the agent's life. `namespaces` false: the host's own only."""

    heartbeat_s: float = 30.0
    """Exit when nothing came from the operator for so long."""
    reconcile_s: float = 30.0
    poll_s: float = 2.0
    """How often what has no events (legacy tables, some sysctls) is read."""
    read_only: bool = False


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """Heartbeat and clock echo."""

    id: int


class Refresh(msgspec.Struct, frozen=True, tag_field="type", tag="refresh"):
    """Dump everything again."""


class Look(msgspec.Struct, frozen=True, tag_field="type", tag="look"):
    """Somebody looks at counters (or no more): poll them each second."""

    counters: bool


class Count(msgspec.Struct, frozen=True, tag_field="type", tag="count"):
    """Ask what devices (by ifindex) and rules of iptables have counted; nothing of the picture moves."""

    id: int
    indexes: tuple[int, ...]


class Conntrack(msgspec.Struct, frozen=True, tag_field="type", tag="conntrack"):
    """Ask for tracked flows that involve `address` (empty: any), at most `limit`."""

    id: int
    address: str = ""
    limit: int = 2000
    ns: int = 0


class Suspects(msgspec.Struct, frozen=True, tag_field="type", tag="suspects"):
    """Ask for tracked flows that a check should look at, at most `limit` of a kind.

    Flows from own `subnets` to other containers in `networks` whose source is rewritten; one UDP flow per address in
    `networks` that flows are translated to; how many flows share a source and a server, where there are very many.
    """

    id: int
    subnets: tuple[str, ...]
    networks: tuple[str, ...]
    limit: int = 200


class Lookup(msgspec.Struct, frozen=True, tag_field="type", tag="lookup"):
    """Ask the kernel for the route of a packet, as it travels."""

    id: int
    dst: str
    source: str = ""
    iif: int = 0
    ns: int = 0


class ReadFiles(msgspec.Struct, frozen=True, tag_field="type", tag="read-files"):
    """Ask for configuration files as they are; of a path that ends in a slash, for all files of the directory."""

    id: int
    paths: tuple[str, ...]


class Arm(msgspec.Struct, frozen=True, tag_field="type", tag="arm"):
    """Have a guard make these changes, in order, all or none, and take them back unless they are confirmed in time."""

    id: int
    token: str
    """What confirms; 32 random hexadecimal digits."""
    changes: tuple[Change, ...]
    title: str = ""
    operator: str = ""
    ttl_s: float = 30.0
    """How long the guard waits to be confirmed."""
    watch_s: float = 15.0
    """How long it looks afterwards whether somebody undoes it."""
    keep_s: float = 600.0
    """How long it can be asked how it ended."""
    undo: tuple[tuple[str, ...], ...] = ()
    """Commands that take the changes back, for a timer of systemd."""


class Confirm(msgspec.Struct, frozen=True, tag_field="type", tag="confirm"):
    """Keep what the guard with this token has changed."""

    id: int
    token: str


class Extend(msgspec.Struct, frozen=True, tag_field="type", tag="extend"):
    """Have the guard with this token wait longer."""

    id: int
    token: str
    seconds: float


class RollBack(msgspec.Struct, frozen=True, tag_field="type", tag="roll-back"):
    """Have the guard of this name take its changes back now."""

    id: int
    guard: str
    operator: str = ""


class Guards(msgspec.Struct, frozen=True, tag_field="type", tag="guards"):
    """Ask what changes are pending on the host, and how the last ones ended."""

    id: int


class Tap(msgspec.Struct, frozen=True, tag_field="type", tag="tap"):
    """Capture on an interface. `program` is classic BPF as (code, jt, jf, k); what it returns is the snap length."""

    tap: int
    ns: int
    index: int
    program: tuple[tuple[int, int, int, int], ...]
    snaplen: int = 256
    block_ms: int = 20
    max_bytes: int = 0
    """Bytes after which the tap closes itself; 0 for no limit."""
    max_rate: int = 0
    """Bytes a second; more are held back on the host and counted. 0 for the agent's own limit, which is the highest."""


class Untap(msgspec.Struct, frozen=True, tag_field="type", tag="untap"):
    """Close a tap."""

    tap: int


class Probe(msgspec.Struct, frozen=True, tag_field="type", tag="probe"):
    """Send ICMP echo requests from a namespace."""

    id: int
    ns: int
    destination: str
    count: int = 3
    interval_ms: int = 200
    timeout_ms: int = 1000
    size: int = 56
    dont_fragment: bool = False
    source: str = ""
    token: int = 0
    """What the payload begins with, where it is not 0: by it a listener knows the probe, whatever NAT does."""


class ArpProbe(msgspec.Struct, frozen=True, tag_field="type", tag="arp-probe"):
    """Ask on a device of the host who answers for addresses, as RFC 5227 has it."""

    id: int
    index: int
    addresses: tuple[str, ...]
    timeout_ms: int = 400
    ns: int = 0


class Contact(msgspec.Struct, frozen=True, tag_field="type", tag="contact"):
    """Open a TCP connection from a namespace and close it at once, or send a UDP datagram; a `ProbeReply` tells."""

    id: int
    ns: int
    protocol: str
    destination: str
    port: int
    source: str = ""
    timeout_ms: int = 1000
    size: int = 0
    """Bytes of the datagram; 0 for a short greeting."""
    dont_fragment: bool = False


class Listen(msgspec.Struct, frozen=True, tag_field="type", tag="listen"):
    """Note the echoes in a namespace whose token has the same upper half; answered when it is over."""

    id: int
    ns: int
    token: int
    seconds: float = 10.0


class Unlisten(msgspec.Struct, frozen=True, tag_field="type", tag="unlisten"):
    """Have the `Listen` of this id answered now."""

    id: int


Probing = Probe | ArpProbe | Contact | Listen | Unlisten
Guarding = Arm | Confirm | Extend | RollBack | Guards
Asking = Count | Conntrack | Suspects | Lookup | ReadFiles
Request = Start | Ping | Refresh | Look | Tap | Untap | Asking | Guarding | Probing
