"""The mask: nothing of a name or address is left, equal things stay equal, and tables stay straight."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from hostgw.mask import Mask

OCTET = st.integers(0, 255)
ADDRESS = st.tuples(OCTET, OCTET, OCTET, OCTET).map(lambda octets: ".".join(map(str, octets)))


def mask(*names: str) -> Mask:
    return Mask(names, key=b"for tests only")


def test_a_sentence() -> None:
    text = "vm1 has no route to 10.239.1.0/24 (vm2): 10.5.7.61 dev eth0, c1 at 02:6c:01:00:01:00"
    hidden = mask("vm1", "vm2", "c1").text(text)
    assert len(hidden) == len(text)
    for word in ("vm1", "vm2", "c1", "10.239", "10.5.7", "6c:01"):
        assert word not in hidden
    assert re.fullmatch(
        r"\w{3} has no route to \d\d\.\d{3}\.\d\.0/24 \(\w{3}\): [\d.]{9} dev eth0, \w\w at 02:[0-9a-f:]{14}", hidden
    )


def test_what_is_in_one_network_stays_so() -> None:
    hide = mask().text
    one, two, three = (hide(a).split(".") for a in ("10.239.1.2", "10.239.1.77", "10.239.2.2"))
    assert one[:3] == two[:3]
    assert one[:2] == three[:2]
    assert one[2] != three[2]
    assert hide("10.239.1.0/24").split(".")[:3] == one[:3]


@given(ADDRESS, ADDRESS)
def test_addresses_stay_apart_and_as_long(one: str, two: str) -> None:
    hide = mask().text
    assert (hide(one) == hide(two)) == (one == two)
    assert len(hide(one)) == len(one)


def test_what_is_nobodys_stays() -> None:
    for text in (
        "127.0.0.1",
        "0.0.0.0/0",
        "224.0.0.1",
        "255.255.255.255",
        "version 6.1.0-26",
        "1.2.3",
        "12:03:04",
        "::1",
    ):
        assert mask().text(text) == text


def test_ipv6_and_macs() -> None:
    hide = mask().text
    assert hide("fe80::6c:1ff:fe00:100").startswith("fe80::")
    assert hide("fe80::6c:1ff:fe00:100") != "fe80::6c:1ff:fe00:100"
    assert hide("fd00:10:239:1::2") == hide("fd00:10:239:1::2")
    assert hide("02:6c:01:00:01:00")[:3] == "02:"


def test_names_only_as_words() -> None:
    hide = mask("vm1", "web", "vm1.example.org").text
    assert hide("website vm10 vm1x") == "website vm10 vm1x"
    assert "vm1" not in hide("vm1/br0 vm1:c1 vm1-web vm1.example.org")


def test_names_that_are_learnt_later_count_too() -> None:
    masking = mask("vm1")
    assert "vm2" in masking.text("vm1 vm2")
    masking.learn(["vm2"])
    assert "vm2" not in masking.text("vm1 vm2")
    assert masking.text("vm1 vm2")[:3] == mask("vm1").text("vm1 vm2")[:3]


def test_two_masks_differ() -> None:
    assert Mask().text("10.239.1.2") != Mask().text("10.239.1.2")


def test_masking_twice_is_masking_once() -> None:
    hide = mask("vm1").text
    once = hide("vm1 10.239.1.2 fd00:10::7 02:6c:01:00:01:00")
    assert hide(f"{once} ") == f"{once} "
