"""Messages between an operator's session and the agent on a host.

A frame is a 4-byte big-endian length of what follows, one kind byte, and a body:

    0  JSON object with a ``type``: one of `Reply` (agent to operator) or `Request` (operator to agent)
    1  the same, compressed with zlib
    2  captured frames: ``>HI`` tap number and record count, then per record ``<qIIB`` (epoch nanoseconds, length on
       the wire, length captured, 1 when sent by the host) and the captured bytes

State flows as `Delta`s: the agent dumps a section, compares it with what it last sent, and sends what differs. What is
decoded here is typed and bounded; text fields pass the gate while they are decoded (see `rows`).
"""

from __future__ import annotations

from hostgw.wire.decoded import key, rows
from hostgw.wire.frames import (
    CAPTURE,
    CAPTURE_HEAD,
    HEADER,
    JSON,
    MAX_FRAME,
    RECORD,
    ZLIB,
    Captured,
    captured,
    decode,
    encode,
)
from hostgw.wire.replies import (
    Applied,
    ArpProbeReply,
    ConntrackReply,
    Delta,
    Failure,
    Guarded,
    ListenReply,
    LookupReply,
    Pong,
    ProbeAnswer,
    ProbeReply,
    Ready,
    Reply,
    Resync,
    Sighting,
    SuspectsReply,
    Synced,
    TapClosed,
    TapReady,
    TapStats,
)
from hostgw.wire.requests import (
    Arm,
    ArpProbe,
    Confirm,
    Conntrack,
    Extend,
    Guards,
    Listen,
    Look,
    Lookup,
    Ping,
    Probe,
    Refresh,
    Request,
    RollBack,
    Start,
    Suspects,
    Tap,
    Unlisten,
    Untap,
)
from hostgw.wire.sections import Key, Row, Section

__all__ = [
    "CAPTURE",
    "CAPTURE_HEAD",
    "HEADER",
    "JSON",
    "MAX_FRAME",
    "RECORD",
    "ZLIB",
    "Applied",
    "Arm",
    "ArpProbe",
    "ArpProbeReply",
    "Captured",
    "Confirm",
    "Conntrack",
    "ConntrackReply",
    "Delta",
    "Extend",
    "Failure",
    "Guarded",
    "Guards",
    "Key",
    "Listen",
    "ListenReply",
    "Look",
    "Lookup",
    "LookupReply",
    "Ping",
    "Pong",
    "Probe",
    "ProbeAnswer",
    "ProbeReply",
    "Ready",
    "Refresh",
    "Reply",
    "Request",
    "Resync",
    "RollBack",
    "Row",
    "Section",
    "Sighting",
    "Start",
    "Suspects",
    "SuspectsReply",
    "Synced",
    "Tap",
    "TapClosed",
    "TapReady",
    "TapStats",
    "Unlisten",
    "Untap",
    "captured",
    "decode",
    "encode",
    "key",
    "rows",
]
