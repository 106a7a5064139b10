"""The lines of a recording: JSON objects, each with its `record` and, but for the first, its moment.

Times are epoch nanoseconds by the operator's clock. The first line is a `Header`. A reader that knows a format reads
also files with fewer kinds of lines.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from hostgw.capture.tap_points import TapPoint
from hostgw.clean import clean, plain
from hostgw.fabric import Tracked
from hostgw.model.guard import Guard
from hostgw.model.host import Facts, Role
from hostgw.model.host_state import HostState
from hostgw.model.probe import Probes
from hostgw.wire import Delta

FORMAT = 1
MAX_LINE = 64 << 20
TEXT = 1000

T = TypeVar("T")


class ToldHost(msgspec.Struct, frozen=True):
    """What an inventory said of a host."""

    subnets: tuple[str, ...] = ()
    underlay: int | None = None
    role: Role = Role.OWNER


class Told(msgspec.Struct, frozen=True):
    """What the operator told of the network; all of it may be left to discovery."""

    network: str = ""
    complete: bool = False
    hosts: dict[str, ToldHost] = {}


class Header(msgspec.Struct, frozen=True, tag_field="record", tag="header"):
    """First line of the file."""

    format: int
    version: str
    time_ns: int
    told: Told = Told()


class HostLine(msgspec.Struct, frozen=True, tag_field="record", tag="host"):
    """A host's reachability. With `facts` its state follows from nothing, and counts as complete; without, it stays."""

    time_ns: int
    host: str
    state: HostState
    error: str = ""
    address: str = ""
    facts: Facts | None = None


class ReadyLine(msgspec.Struct, frozen=True, tag_field="record", tag="ready"):
    """An agent's greeting: what follows replaces what was known, once `SyncedLine` says that it is complete."""

    time_ns: int
    host: str
    facts: Facts


class SyncedLine(msgspec.Struct, frozen=True, tag_field="record", tag="synced"):
    """The whole picture of a host has been told."""

    time_ns: int
    host: str


class DeltaLine(msgspec.Struct, frozen=True, tag_field="record", tag="delta"):
    """A delta as it came from a host's agent."""

    time_ns: int
    host: str
    delta: Delta


class HeardLine(msgspec.Struct, frozen=True, tag_field="record", tag="heard"):
    """A sign of life: round trip and clock."""

    time_ns: int
    host: str
    rtt_ns: int = 0
    clock_offset_ns: int = 0


class TrackedLine(msgspec.Struct, frozen=True, tag_field="record", tag="tracked"):
    """What a host told of its tracked flows."""

    time_ns: int
    host: str
    tracked: Tracked


class GuardsLine(msgspec.Struct, frozen=True, tag_field="record", tag="guards"):
    """What a host told of guarded changes."""

    time_ns: int
    host: str
    guards: tuple[Guard, ...]


class ProbesLine(msgspec.Struct, frozen=True, tag_field="record", tag="probes"):
    """What active checks found; nothing when it is true no more."""

    time_ns: int
    probes: Probes | None


class SaidLine(msgspec.Struct, frozen=True, tag_field="record", tag="said"):
    """A command that was run on a host, as the operator saw it."""

    time_ns: int
    text: str


class Point(msgspec.Struct, frozen=True):
    """A tap's place; addresses as hexadecimal text, for JSON's numbers do not hold those of IPv6."""

    host: str
    ns: int
    index: int
    interface: str
    container: str | None
    order: int
    underlay: bool
    bridge: bool
    only_exit: bool
    addresses: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    @classmethod
    def of(cls, point: TapPoint) -> Point:
        """Return a tap's place for a line."""
        plainly = (getattr(point, name) for name in cls.__struct_fields__[: -len(_SETS)])
        return cls(*plainly, *(tuple(f"{a:x}" for a in sorted(getattr(point, name))) for name in _SETS))

    def point(self) -> TapPoint:
        """Return the place.

        Raises:
            ValueError: an address is none.
        """
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return TapPoint(**fields | {name: frozenset(int(a, 16) for a in fields[name]) for name in _SETS})


_SETS = ("addresses", "held", "near")


class CaptureLine(msgspec.Struct, frozen=True, tag_field="record", tag="capture"):
    """A capture begins; its taps are numbered from 0 in this order."""

    time_ns: int
    capture: int
    points: tuple[Point, ...]
    expression: str = ""


FrameRow = tuple[int, int, int, bool, bytes]
"""Tap, time, length on the wire, whether the host sent it, captured bytes."""


class FramesLine(msgspec.Struct, frozen=True, tag_field="record", tag="frames"):
    """Frames of a capture."""

    time_ns: int
    capture: int
    rows: Annotated[tuple[FrameRow, ...], Meta(max_length=100_000)]


class TapsLine(msgspec.Struct, frozen=True, tag_field="record", tag="taps"):
    """Totals of taps: tap, frames seen, frames lost."""

    time_ns: int
    capture: int
    rows: tuple[tuple[int, int, int], ...]


class DropsLine(msgspec.Struct, frozen=True, tag_field="record", tag="drops"):
    """Packets that a host's kernel dropped: time, reason, kernel function."""

    time_ns: int
    capture: int
    host: str
    rows: Annotated[tuple[tuple[int, str, str], ...], Meta(max_length=1000)] = ()
    error: str = ""


class CaptureEndLine(msgspec.Struct, frozen=True, tag_field="record", tag="capture-end"):
    """A capture has ended."""

    time_ns: int
    capture: int


Line = (
    Header
    | HostLine
    | ReadyLine
    | SyncedLine
    | DeltaLine
    | HeardLine
    | TrackedLine
    | GuardsLine
    | ProbesLine
    | SaidLine
    | CaptureLine
    | FramesLine
    | TapsLine
    | DropsLine
    | CaptureEndLine
)
_DECODER = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder(enc_hook=plain)
_AS_THEY_ARE = (Header, DeltaLine, FramesLine)
"""Lines without text of others, or whose text passes the gate later, when their rows are decoded."""


def encode(line: Line) -> bytes:
    """Return a line as it stands in a file."""
    return _ENCODER.encode(line) + b"\n"


def encode_rows(rows: object) -> msgspec.Raw:
    """Return rows of a delta as they travel."""
    return msgspec.Raw(_ENCODER.encode(rows))


def decode(raw: bytes) -> Line:
    """Decode a line; its texts pass the gate.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    line = _DECODER.decode(raw)
    return line if isinstance(line, _AS_THEY_ARE) else cleaned(line)


def cleaned(value: T) -> T:
    """Pass all text within a value through the gate."""
    return _cleaned(value)  # type: ignore[no-any-return]


def _cleaned(value: Any) -> Any:
    if type(value) is str:
        return value if len(value) <= TEXT and value.isascii() and value.isprintable() else clean(value, TEXT)
    if isinstance(value, tuple):
        return tuple(map(_cleaned, value)) if value else value
    fields = getattr(value, "__struct_fields__", None) or getattr(value, "__dataclass_fields__", ())
    if not fields:
        return value
    return type(value)(**{name: _cleaned(getattr(value, name)) for name in fields})
