"""The parser of `iptables-legacy-save` against python-iptables, in a namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hostgw.live.legacy_witness import by_text
from hostgw.model.iptables import parse

pytestmark = pytest.mark.lab
RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:OURS - [0:0]
-A POSTROUTING -j OURS
-A OURS -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN
-A OURS -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE
-A OURS ! -s 10.239.0.0/16 -d 10.239.0.0/24 -o eth+ -p tcp -j RETURN
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD ! -i br0 -o br0 -p udp -m udp --dport 53 -m comment --comment "name service" -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""
SCRIPT = """
import json, subprocess, sys
from hostgw.live.legacy_witness import disagreement
from hostgw.model.iptables import parse
text = subprocess.run(["iptables-legacy-save", "-c"], capture_output=True, text=True, check=True).stdout
print(json.dumps([disagreement(parse(text, "legacy")), disagreement(parse(text.replace("udp", "tcp"), "legacy"))]))
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"hgw-lw{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_both_witnesses_agree_and_a_difference_is_told(namespace: str) -> None:
    inside = ["ip", "netns", "exec", namespace]
    subprocess.run([*inside, "iptables-legacy-restore"], input=RULES, text=True, check=True)
    argv = [*inside, sys.executable, "-c", SCRIPT]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    same, other = json.loads(done.stdout)
    assert same == ""
    assert "differ" in other
    assert len(list(by_text(parse(RULES, "legacy")))) == 6
