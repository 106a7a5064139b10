"""The rows of a delta: decoded, checked, and their texts passed through the gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import msgspec
from msgspec.structs import force_setattr

from hostgw.clean import clean
from hostgw.errors import ProtocolError
from hostgw.model.ip import MASKS, address_number, prefix
from hostgw.model.kernel import Address, Neighbour, Route, Rule
from hostgw.wire.replies import Delta
from hostgw.wire.sections import KEYS, ROWS, Key, Row, Section

LONGEST = 256
MOST_SHARED = 50_000
_SHARED: dict[str, str] = {}
"""Texts that went through the gate; any thread may add some, and all are forgotten when there are many."""


def rows(delta: Delta, host: str = "") -> tuple[Row, ...]:
    """Decode and clean the rows that a delta puts.

    Raises:
        ProtocolError: they do not fit the section's type, or an address in them is none.
    """
    try:
        decoded = cast("tuple[Row, ...]", ROWS[delta.section].decode(delta.put))
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"malformed {delta.section.value}", clean(str(error), 120), host) from error
    try:
        for row in decoded:
            if check := _CHECKS.get(type(row)):
                check(row)
    except ValueError as error:
        raise ProtocolError(f"malformed {delta.section.value}", clean(str(error), 120), host) from error
    return tuple(_cleaned(row) for row in decoded)


def _check_address(row: Address) -> None:
    if row.family == 4:
        address_number(row.address)
        if not 0 <= row.length < len(MASKS):
            raise ValueError(f"/{row.length} is no length of an IPv4 prefix")
        for text in (row.peer, row.broadcast):
            if text:
                address_number(text)


def _check_route(row: Route) -> None:
    prefix(row.dst)
    for gateway in (row.gateway, row.src, *(hop.gateway for hop in row.nexthops)):
        if gateway:
            address_number(gateway)


def _check_rule(row: Rule) -> None:
    for text in (row.src, row.dst):
        if text:
            prefix(text)


def _check_neighbour(row: Neighbour) -> None:
    address_number(row.address)


_CHECKS: dict[type, Callable[[Any], None]] = {
    Address: _check_address,
    Route: _check_route,
    Rule: _check_rule,
    Neighbour: _check_neighbour,
}
"""Addresses are parsed once here, so that nothing behind has to expect one that is none."""


def key(section: Section, row: Row) -> Key:
    """Return the key of a row within its section."""
    return tuple(getattr(row, field) for field in KEYS[section])


def _cleaned(row: Row) -> Row:
    """Pass every text field that a host could have chosen through the gate; equal texts become one object."""
    for field in _texts(type(row)):
        if value := getattr(row, field):
            shared = _SHARED.get(value)
            if shared is None:
                shared = _share(value if _plain(value) else clean(value, LONGEST))
            if shared is not value:
                force_setattr(row, field, shared)  # nobody else has the row yet
    return row


@cache
def _texts(kind: type[Row]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type is str and field.name != "text")


def _share(text: str) -> str:
    """Keep a clean text for rows to come: hosts say the same thousands of times, and each would be another object."""
    if len(_SHARED) >= MOST_SHARED:
        _SHARED.clear()
    return _SHARED.setdefault(text, text)


def _plain(text: str) -> bool:
    return len(text) <= LONGEST and text.isascii() and text.isprintable()
