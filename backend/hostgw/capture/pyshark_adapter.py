"""The one place that touches pyshark: EK lines in, plain values out. It knows the quirks of 0.6.

- Its classes for captures run tshark under asyncio with side effects on the whole process; only its EK parser is used.
- Its typed fields need a mapping of 10 MB, made in a second and cached in the home directory, and come as
  `EkMultiField` or as plain values depending on the packet; details show tshark's own text instead.
- Layers keep the order of the packet only in their own dictionary.
"""

from __future__ import annotations

import importlib
import shutil
from typing import Any, NamedTuple

import msgspec

from hostgw.clean import clean

MAX_FIELDS = 2_000
"""Of one packet's details."""
MAX_DEPTH = 4
_REPETITIONS = frozenset({"resolved", "oui", "lg", "ig", "addr", "host", "le"})
"""Last words of fields that say again what another field says."""


class Info(NamedTuple):
    """What the list shows of a packet. `number` is tshark's, in its own stream."""

    number: int
    protocol: str
    text: str


class Field(NamedTuple):
    """A line of a packet's details."""

    name: str
    value: str


class Layer(NamedTuple):
    """A protocol of a packet with its fields, in the order of the packet."""

    name: str
    fields: tuple[Field, ...]


class _Frame(msgspec.Struct):
    number: str | int = msgspec.field(name="frame_frame_number")


class _Layers(msgspec.Struct):
    frame: _Frame


class _Columns(msgspec.Struct):
    """Wireshark's own columns, and the packet's number in its layers: all that the list shows of an EK line."""

    layers: _Layers
    protocol: str = ""
    info: str = ""


_COLUMNS = msgspec.json.Decoder(_Columns)


def prepare(command: str) -> str:
    """Load pyshark and look for tshark; return why packets cannot be dissected, or nothing."""
    if shutil.which(command) is None:
        return str(clean(f"{command} is not installed", 80))
    try:
        importlib.import_module("pyshark.tshark.output_parser.tshark_ek")
    except Exception as error:  # its import reads ./config.ini, which may be anybody's
        return str(clean(f"no pyshark: {error}", 80))
    return ""


def info(line: bytes) -> Info | None:
    """Return number, protocol and info text of an EK line's packet, or nothing when it cannot be read.

    A pyshark packet costs ten times as much as the three values, so it is made when somebody opens the details.
    """
    try:
        columns = _COLUMNS.decode(line)
        return Info(int(columns.layers.frame.number), clean(columns.protocol, 16), clean(columns.info, 200))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def layers(line: bytes) -> tuple[Layer, ...]:
    """Return the details of an EK line; empty when pyshark cannot read it."""
    packet = _packet(line)
    if packet is None:
        return ()
    found = [packet.frame_info, *(layer for layer in packet.layers if isinstance(layer._fields_dict, dict))]
    return tuple(Layer(clean(layer.layer_name, 40), tuple(_fields(layer))) for layer in found)


def _packet(line: bytes) -> Any:
    from pyshark.tshark.output_parser.tshark_ek import packet_from_ek_packet

    try:
        return packet_from_ek_packet(line)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _fields(layer: Any) -> list[Field]:
    prefix, found = f"{layer.layer_name}_{layer.layer_name}_", []
    for key, value in list(layer._fields_dict.items())[:MAX_FIELDS]:
        name = key.removeprefix(prefix).replace("_", ".")
        if name.rpartition(".")[2] not in _REPETITIONS:
            found.extend(_flat(name, value))
    return found[:MAX_FIELDS]


def _flat(name: str, value: Any, depth: int = 0) -> list[Field]:
    """Return a field as lines; nested objects become further names."""
    if isinstance(value, dict) and depth < MAX_DEPTH:
        return [line for key, inner in value.items() for line in _flat(_last_name(key), inner, depth + 1)]
    if isinstance(value, list) and depth < MAX_DEPTH:
        return [line for item in value[:64] for line in _flat(name, item, depth + 1)]
    return [Field(clean(name, 60), clean(_text(value), 200))]


def _last_name(key: str) -> str:
    """Return a field's name without the layer that EK puts before it, twice."""
    words = key.strip("_").split("_")
    while len(words) > 1 and words[0] == words[1]:
        words.pop(0)
    return ".".join(words)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
