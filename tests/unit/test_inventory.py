"""Hosts from the command line and from a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hostgw.errors import UsageError
from hostgw.inventory.files import load
from hostgw.inventory.hosts_toml import parse
from hostgw.inventory.targets import parse_hosts
from hostgw.model.host import Role
from hostgw.model.ip import address_number, prefix
from hostgw.ssh.target import Target

DOCS = Path(__file__).parents[2] / "docs" / "hosts-toml.md"


def test_hosts() -> None:
    assert parse_hosts("vm1, user@10.0.0.5:2222,[fd00::5]:23,a@[fd00::6],local,") == (
        Target("vm1"),
        Target("10.0.0.5", user="user", port=2222),
        Target("fd00::5", port=23),
        Target("fd00::6", user="a"),
        Target("local", local=True),
    )


@pytest.mark.parametrize(
    "text",
    [
        "", ",", "-x", "a b", "@vm1", "vm1:", "vm1:0", "vm1:65536", "vm1:x", "vm1:²", "fd00::5", "[fd00::5",
        "a@b@c", "vm1,vm1", "vm1,u@vm1", "vm1:22,vm1:23", "local,local", "a;b", "-u@vm1", "vm1:2222222",
        "\x1b[2J", "vm1,$(id)", "[]",
    ],
)  # fmt: skip
def test_malformed_hosts(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_hosts(text)
    assert "\x1b" not in str(caught.value)


def test_the_documented_example() -> None:
    match = re.search(r"```toml\n(.*?)```", DOCS.read_text(), re.S)
    assert match
    inventory = parse(match[1])
    assert inventory.network == prefix("10.239.0.0/16")
    assert inventory.complete
    assert [target.name for target in inventory.targets] == ["vm1", "vm2", "gateway", "local"]
    vm1 = inventory.targets[0]
    assert (vm1.host, vm1.user, vm1.port, vm1.sudo, vm1.python) == (
        "10.5.7.60", "admin", 2222, True, "/usr/bin/python3.11",
    )  # fmt: skip
    assert inventory.intents["vm1"].subnets == (prefix("10.239.0.0/24"),)
    assert inventory.intents["vm1"].underlay == address_number("10.5.7.60")
    assert inventory.intents["gateway"].role is Role.EXTERNAL
    assert inventory.targets[3].local


def test_several_subnets_and_host_bits() -> None:
    intent = parse('[hosts.a]\nsubnet = ["172.17.0.1/24", "172.17.9.0/24"]').intents["a"]
    assert intent.subnets == (prefix("172.17.0.0/24"), prefix("172.17.9.0/24"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[hosts.a]\nsubnt = '10.0.0.0/24'", "hosts.a.subnt. Did you mean `subnet`?"),
        ("netwrk = '10.0.0.0/8'\n[hosts.a]", "netwrk. Did you mean `network`?"),
        ("[hosts.a]\nzzz = 1", "Known: address"),
        ("[hosts.a\n", "line 1"),
        ("x = \n", "line 1"),
        ("", "names no hosts"),
        ("hosts = 3", "must be tables"),
        ("[hosts]\na = 3", "must be tables"),
        ("[hosts.a]\nport = '22'", "hosts"),
        ("[hosts.a]\nport = 70000", "70000 is no port"),
        ("[hosts.a]\nrole = 'boss'", "boss"),
        ("[hosts.a]\nsubnet = '10.0.0.0/33'", "hosts.a.subnet"),
        ("[hosts.a]\nunderlay = 'fd00::1'", "hosts.a.underlay"),
        ("network = 'x'\n[hosts.a]", "network"),
        ("[hosts.'-oX']", "no host name"),
        ("[hosts.a]\naddress = '-oX'", "no host name"),
        ("[hosts.a]\nuser = '-x'", "no user name"),
        ("[hosts.a]\nrole = 'external'\nsubnet = '10.0.0.0/24'", "owns no subnet"),
        ("[hosts.a]\nsubnet = '10.0.0.0/24'\n[hosts.b]\nsubnet = '10.0.0.1/24'", "a and b"),
        ("[hosts.a]\n[hosts.a]", "line 2"),
    ],
)
def test_errors_say_where(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert words in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        load(tmp_path / "latin")
