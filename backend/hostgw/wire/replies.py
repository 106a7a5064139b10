"""What an agent says to the operator."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from hostgw.model.file import HostFile
from hostgw.model.guard import Guard
from hostgw.model.host import Facts
from hostgw.model.kernel import ConntrackEntry, Counters, Crowd, Filter, Route
from hostgw.wire.sections import Key, Section


class Ready(msgspec.Struct, frozen=True, tag_field="type", tag="ready"):
    """First message: who the agent is."""

    facts: Facts


class Delta(msgspec.Struct, frozen=True, tag_field="type", tag="delta"):
    """Rows of one section of one namespace that are new or differ (`put`) and keys that are gone.

    `full` means: forget what you had of this section first.
    """

    section: Section
    ns: int
    put: msgspec.Raw
    gone: tuple[Key, ...] = ()
    full: bool = False


class Synced(msgspec.Struct, frozen=True, tag_field="type", tag="synced"):
    """The whole picture has been sent: the first one, or the one that a `Refresh` asked for."""


class Resync(msgspec.Struct, frozen=True, tag_field="type", tag="resync"):
    """Events were lost (`reason`); everything is being dumped again."""

    reason: str


class Pong(msgspec.Struct, frozen=True, tag_field="type", tag="pong"):
    """Answer to a ping: the host's clock, epoch nanoseconds."""

    id: int
    now_ns: int


class ConntrackReply(msgspec.Struct, frozen=True, tag_field="type", tag="conntrack-reply"):
    """Tracked flows; `total` is how many the table holds, `error` says why there are none."""

    id: int
    entries: tuple[ConntrackEntry, ...]
    total: int = 0
    error: str = ""


class CountReply(msgspec.Struct, frozen=True, tag_field="type", tag="count-reply"):
    """What devices and rules have counted by now."""

    id: int
    counters: Annotated[tuple[Counters, ...], Meta(max_length=1000)] = ()
    filters: Annotated[tuple[Filter, ...], Meta(max_length=8)] = ()


class SuspectsReply(msgspec.Struct, frozen=True, tag_field="type", tag="suspects-reply"):
    """Tracked flows that a check should look at; `whole` false: the table was too large to be read to its end."""

    id: int
    entries: tuple[ConntrackEntry, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    total: int = 0
    whole: bool = True
    error: str = ""


class LookupReply(msgspec.Struct, frozen=True, tag_field="type", tag="lookup-reply"):
    """The kernel's own route look-up; `errno` is 0 or the kernel's refusal."""

    id: int
    route: Route | None = None
    errno: int = 0


class FilesReply(msgspec.Struct, frozen=True, tag_field="type", tag="files-reply"):
    """Configuration files as they are, those that are not there too; `systemd` is the host's init."""

    id: int
    files: tuple[HostFile, ...]
    systemd: bool = False


class Applied(msgspec.Struct, frozen=True, tag_field="type", tag="applied"):
    """How a guard has begun with a list of changes.

    `outcome`: applied (it waits to be confirmed); stale (the host is not as `before` says; nothing was done); busy
    (another change is pending; nothing was done); failed (change number `at` was refused by the kernel; those before it
    were undone, unless `undone` is false).
    """

    id: int
    outcome: str
    at: int = -1
    detail: str = ""
    undone: bool = True
    guard: str = ""
    """By what the guard is named."""


class Guarded(msgspec.Struct, frozen=True, tag_field="type", tag="guarded"):
    """What guards answer: whether one of them did as asked, and what became of them."""

    id: int
    done: bool = False
    detail: str = ""
    guards: tuple[Guard, ...] = ()


class TapReady(msgspec.Struct, frozen=True, tag_field="type", tag="tap-ready"):
    """The tap captures from now on. `via`: ring or tcpdump."""

    tap: int
    via: str = "ring"


class TapStats(msgspec.Struct, frozen=True, tag_field="type", tag="tap-stats"):
    """Totals of a tap: frames seen by the filter, dropped by the kernel, dropped by our own limits."""

    tap: int
    packets: int
    drops: int
    limited: int = 0


class TapClosed(msgspec.Struct, frozen=True, tag_field="type", tag="tap-closed"):
    """The tap is gone. `reason`: asked, limit, or an error text."""

    tap: int
    reason: str
    packets: int = 0
    drops: int = 0


class Drops(msgspec.Struct, frozen=True, tag_field="type", tag="drops"):
    """Packets that the machine's kernel dropped while there were taps; the first one says that somebody watches."""

    rows: Annotated[tuple[tuple[int, str, str], ...], Meta(max_length=1000)] = ()
    """Epoch nanoseconds by the host's clock, reason, kernel function."""
    missed: int = 0
    """Dropped beside those, too many to be told one by one."""
    error: str = ""
    """Why nobody can watch."""


class ProbeAnswer(msgspec.Struct, frozen=True):
    """One echo: who answered with what. `kind`: reply, refused, unreachable, time-exceeded, timeout."""

    sequence: int
    kind: str
    source: str = ""
    ttl: int = 0
    rtt_ns: int = 0
    code: int = 0


class ProbeReply(msgspec.Struct, frozen=True, tag_field="type", tag="probe-reply"):
    """The answers to a probe, one per packet sent."""

    id: int
    answers: tuple[ProbeAnswer, ...] = ()
    error: str = ""


class ArpAnswer(msgspec.Struct, frozen=True):
    """Who said that an address is its own."""

    address: str
    mac: str


class ArpProbeReply(msgspec.Struct, frozen=True, tag_field="type", tag="arp-probe-reply"):
    """Everybody who answered an ARP probe."""

    id: int
    answers: tuple[ArpAnswer, ...] = ()


class Sighting(msgspec.Struct, frozen=True):
    """Echoes of one probe at one device of the namespace that listened."""

    token: int
    reply: bool
    device: str
    outbound: bool
    source: str
    destination: str
    ttl: int
    count: int = 1


class ListenReply(msgspec.Struct, frozen=True, tag_field="type", tag="listen-reply"):
    """What was seen, in the order in which it was first seen."""

    id: int
    sightings: tuple[Sighting, ...] = ()


class Failure(msgspec.Struct, frozen=True, tag_field="type", tag="failure"):
    """A request (`id`, 0 for none) that could not be carried out; the agent lives on."""

    id: int
    detail: str


Reply = (
    Ready
    | Delta
    | Synced
    | Resync
    | Pong
    | ConntrackReply
    | CountReply
    | SuspectsReply
    | LookupReply
    | FilesReply
    | Applied
    | Guarded
    | TapReady
    | TapStats
    | TapClosed
    | Drops
    | ProbeReply
    | ArpProbeReply
    | ListenReply
    | Failure
)
