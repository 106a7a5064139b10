"""Dressing the hosts of a lab as real programs leave them, checking them, and undressing them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from pyroute2 import IPSet

from hostgw import lab as labs
from hostgw.lab import Host, Lab
from hostgw.lab.namespaces import inside
from tests.lab.conftest import Run
from tests.lab.wayfarer import wayfared

Report = dict[str, Any]
SCRIPTS = Path(__file__).parents[1] / "data" / "healthy"
MADE = "/run/flannel /etc/docker /run/netns/web"
"""What the scripts leave on a host besides the state that heal puts back."""
_PODS = tuple(f"10.239.{host}.{last}" for host in range(3) for last in (2, 3))
IPSETS: dict[str, dict[str, tuple[str, ...]]] = {
    "calico": {"cali40all-ipam-pools": ("10.239.0.0/16",), "cali40masq-ipam-pools": ("10.239.0.0/16",)},
    "kube-router": {
        "kube-router-pod-subnets": tuple(f"10.239.{host}.0/24" for host in range(3)),
        "kube-router-node-ips": ("10.5.7.60", "10.5.7.61", "10.5.7.62"),
        "KUBE-SRC-AAAABBBBCCCCDDDD": _PODS,
        "KUBE-DST-AAAABBBBCCCCDDDD": _PODS,
    },
}
"""Sets that the rules of a script look into."""
NOT_TOLD = ("who is first decides", "is not known here")
"""Why a way may be unknown although it works: several devices answer ARP; nobody knows the routes outside."""


def dress(lab: Lab, host: Host, script: str, **more: str) -> None:
    """Run a script on a host; it is fed to a shell, for the hosts do not see every directory of this machine."""
    assert host.subnet is not None
    values = {
        "N": host.name.removeprefix("vm"),
        "ADDRESS": host.address,
        "SUBNET": host.subnet,
        "BASE": host.subnet.removesuffix(".0/24"),
        "NETWORK": "10.239.0.0/16",
        **more,
    }
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    text += (SCRIPTS / f"{script}.sh").read_text(encoding="utf-8")
    make_ipsets(lab, host, IPSETS.get(script, {}))
    run(lab, host.name, "sh -e", text)


def run(lab: Lab, host: str, command: str, text: str = "") -> str:
    """Run a command that must succeed; return what it printed."""
    done = lab.exec(host, command.split(), input=text, text=True, capture_output=True)
    assert done.returncode == 0, (host, command, done.stderr)
    return str(done.stdout)


def make_ipsets(lab: Lab, host: Host, wanted: dict[str, tuple[str, ...]]) -> None:
    """Make the sets that the rules of a script look into, by name; such as `ipset` would make them, were it there."""
    with inside(lab.netns(host.name)), IPSet() as sets:
        for name, members in wanted.items():
            kind = "net" if "/" in members[0] else "ip"
            sets.create(name, stype=f"hash:{kind}")
            for member in members:
                sets.add(name, member, etype=kind)


def undress(lab: Lab) -> None:
    """Put the lab back to its baseline, and remove what heal does not know of."""
    for host in lab.hosts:
        lab.exec(host.name, ["sh", "-c", f"ip netns del web; rm -rf {MADE}"], capture_output=True)
    labs.heal(lab.name)
    for host in lab.hosts:
        with inside(lab.netns(host.name)), IPSet() as sets:
            sets.destroy()


def check(hostgw: Run, *where: str, code: int = 0) -> Report:
    """Return what `check` reports; findings speak before the exit code does."""
    done: subprocess.CompletedProcess[str] = hostgw(*where, "check", "--json")
    report: Report = json.loads(done.stdout)
    told = [f"{f['severity']} {f['id']}: {f['summary']} {f['evidence']}" for f in report["findings"]]
    assert told == []
    assert done.returncode == code, (done.returncode, done.stderr)
    return report


def owned(report: Report) -> dict[str, list[str]]:
    """Subnets of each owner: a fabric that is not understood has no findings either."""
    return {host["name"]: host["subnets"] for host in report["hosts"] if host["role"] == "owner"}


def assert_understood(report: Report, lab: Lab) -> None:
    assert owned(report) == {host.name: [host.subnet] for host in lab.shape.owners}
    assert {host["underlay"]["interface"] for host in report["hosts"]} == {lab.shape.kind.uplink}


def assert_reaches(lab: Lab, source: str, target: str) -> None:
    """What is called healthy must be so: containers reach each other over exactly two routing hosts."""
    address = lab.host(target).container_address("c1")
    done = lab.exec(source, ["ping", "-c1", "-W2", address], "c1", capture_output=True, text=True)
    assert re.search(r"ttl=62\b", done.stdout), (source, target, done.stdout)


def assert_predicted(lab: Lab, *pairs: str) -> None:
    """What programs leave on hosts is understood so well that probes go as predicted, also where they are refused."""
    for row in wayfared(lab, *pairs):
        assert row["predicted"], row["text"]
        known = "unknown" not in (row["outcome"], row["back"])
        assert not known or row["works"] == (row["verdict"] == "answered"), row["text"]
        assert known or row["unsure"].endswith(NOT_TOLD), row["unsure"]
