"""Addresses as text to integers: as Python's own ipaddress has it, only faster."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from typing import TypeVar

from hypothesis import example, given
from hypothesis import strategies as st

from hostgw.model.ip import Prefix, address_number, interface_prefix, prefix

octets = st.integers(0, 300).map(str) | st.sampled_from(["", "00", "01", "-1", " 1", "1e1", "٣", "0x1", "1\0"])
addresses = st.lists(octets, min_size=3, max_size=5).map(".".join) | st.ip_addresses(v=4).map(str)
ends = st.integers(-2, 40).map(str) | st.sampled_from(
    ["", "024", "255.255.255.0", "0.0.0.255", "٢", "1/2", "255.0.0.1"]
)


T = TypeVar("T")


def outcome(work_out: Callable[[], T]) -> T | None:
    try:
        return work_out()
    except ValueError:
        return None


@given(addresses | st.text(max_size=12))
def test_an_address_is_what_ipaddress_takes_for_one(text: str) -> None:
    assert outcome(lambda: address_number(text)) == outcome(lambda: int(IPv4Address(text)))


@given(st.builds("{}/{}".format, addresses, ends) | addresses)
@example("10.5.7.60/0")
@example("10.5.7.60/32")
def test_a_prefix_is_what_ipaddress_takes_for_one(text: str) -> None:
    def known() -> tuple[int, Prefix]:
        interface = IPv4Interface(text)
        return int(interface), Prefix(int(interface.network.network_address), interface.network.prefixlen)

    wanted = outcome(known)
    assert outcome(lambda: interface_prefix(text)) == wanted
    assert outcome(lambda: prefix(text)) == (wanted[1] if wanted else None)
