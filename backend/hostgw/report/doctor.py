"""`doctor`: what is there and what is missing, on this machine and on each host, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hostgw.fabric import Fabric, Host
from hostgw.model.host_state import HostState
from hostgw.report.model import SCHEMA, DoctorItem, DoctorReport, Health

HERE = "this machine"
LEAST_PYTHON = (3, 11)
COMFORTABLE = (80, 24)
SIGNS = {Health.OK: "✓", Health.MISSING: "·", Health.WRONG: "✗"}
_COSTS = {
    "no iptables-save": "Install iptables there; without it NAT and filter rules of iptables are not judged.",
    "no nft": "Install nftables there, if it is used; rules of nftables are not judged without it.",
    "not root": "Log in as root, or use --sudo.",
}


@dataclass(frozen=True)
class Machine:
    """What was found on this machine."""

    python: tuple[int, int]
    tools: Mapping[str, str]
    """Versions by name; empty for a program that is not there."""
    agent_keys: int = -1
    """Keys that an SSH agent holds; -1 without one."""
    key_files: int = 0
    known_hosts: bool = False
    terminal: tuple[int, int] | None = None
    """Columns and lines; None when stdout is no terminal."""
    term: str = ""
    utf8: bool = True
    settings: str = ""
    """The file of settings; empty where there is none."""
    trouble: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with a thing, by its name."""


def doctor_report(machine: Machine, fabric: Fabric | None) -> DoctorReport:
    """Return all that can be said; without `fabric`, of this machine alone."""
    hosts = fabric.hosts.values() if fabric else ()
    found = [*_machine(machine), *(item for host in hosts for item in _host(host))]
    return DoctorReport(SCHEMA, tuple(found))


def _machine(machine: Machine) -> Iterator[DoctorItem]:
    python = ".".join(map(str, machine.python))
    old = machine.python < LEAST_PYTHON
    yield _item("python", Health.WRONG if old else Health.OK, python, "Python 3.11 or later is needed." if old else "")
    yield _tool(machine, "ssh", needed=True, why="it reads your ssh settings (ssh -G): install openssh-client")
    yield _tool(machine, "tshark", needed=False, why="names and details of packets are our own, short ones: install it")
    yield _keys(machine)
    yield _known(machine.known_hosts)
    yield from _terminal(machine)
    wrong = machine.trouble.get("settings", "")
    named = machine.settings or "none: 'hostgw-tui config init' writes one"
    yield _item("settings", Health.WRONG if wrong else Health.OK, wrong or named, "Mend the file." if wrong else "")


def _tool(machine: Machine, name: str, needed: bool, why: str) -> DoctorItem:
    version = machine.tools.get(name, "")
    if version:
        return _item(name, Health.OK, version)
    return _item(name, Health.WRONG if needed else Health.MISSING, "not installed", f"Without {name}: {why}.")


def _keys(machine: Machine) -> DoctorItem:
    agent = "no ssh-agent" if machine.agent_keys < 0 else f"{machine.agent_keys} in the ssh-agent"
    told = f"{agent}, {machine.key_files} in files"
    some = machine.agent_keys > 0 or machine.key_files > 0
    remedy = "" if some else "Hosts will ask for a password: ssh-keygen makes a key, ssh-copy-id takes it there."
    return _item("ssh keys", Health.OK if some else Health.MISSING, told, remedy)


def _known(there: bool) -> DoctorItem:
    if there:
        return _item("known_hosts", Health.OK, "there")
    return _item(
        "known_hosts", Health.MISSING, "no file yet", "Log in once by ssh, or let hostgw-tui ask for each key."
    )


def _terminal(machine: Machine) -> Iterator[DoctorItem]:
    if machine.terminal is None:
        yield _item("terminal", Health.MISSING, "stdout is none", "The dashboard needs one; commands do not.")
        return
    columns, lines = machine.terminal
    dumb = machine.term in ("", "dumb")
    small = columns < COMFORTABLE[0] or lines < COMFORTABLE[1]
    told = f"{columns}x{lines}, TERM={machine.term or '(unset)'}{'' if machine.utf8 else ', no UTF-8'}"
    if dumb:
        yield _item("terminal", Health.WRONG, told, "The dashboard cannot be drawn: set TERM to what the terminal is.")
    elif small:
        yield _item("terminal", Health.MISSING, told, "80x24 is comfortable, 60x15 the least.")
    else:
        yield _item("terminal", Health.OK, told, "" if machine.utf8 else "It is painted in ASCII.")


def _host(host: Host) -> Iterator[DoctorItem]:
    if not host.readable or host.state is not HostState.UP:
        what, _, remedy = (host.error or host.state.value).partition(". ")
        yield _item("connection", Health.WRONG, f"{host.state.value}: {what}", remedy, host.name)
        return
    facts = host.snapshot.facts if host.snapshot else None
    if facts is None:
        return
    yield _item("connection", Health.OK, f"{host.address}, {host.rtt_ns / 1e6:.1f} ms", where=host.name)
    if facts.uid == 0:
        yield _item("root", Health.OK, "yes", where=host.name)
    else:
        yield _item("root", Health.WRONG, "no", _COSTS["not root"], host.name)
    if facts.python:
        yield _item("python", Health.OK, facts.python, where=host.name)
    yield _item("kernel", Health.OK, facts.kernel, where=host.name)
    for text in facts.missing:
        what, _, cost = text.partition(": ")
        if what != "not root":
            yield _item(what.removeprefix("no "), Health.MISSING, cost or what, _COSTS.get(what, ""), host.name)


def _item(subject: str, health: Health, detail: str, remedy: str = "", where: str = HERE) -> DoctorItem:
    return DoctorItem(where, subject, health, detail, remedy)


def doctor_text(report: DoctorReport) -> Iterator[str]:
    """Yield the lines for people: by place, what is there, and below it what to do."""
    width = max((len(item.subject) for item in report.items), default=0)
    for where in dict.fromkeys(item.where for item in report.items):
        yield where
        for item in (each for each in report.items if each.where == where):
            yield f"  {SIGNS[item.health]} {item.subject:<{width}}  {item.detail}"
            if item.remedy:
                yield f"    {'':<{width}}  {item.remedy}"
    wrong = sum(item.health is Health.WRONG for item in report.items)
    yield ""
    yield f"{wrong} of {len(report.items)} wrong" if wrong else "Nothing that is needed is missing."


def doctor_code(report: DoctorReport, hosts: Iterable[Host]) -> int:
    """Return the exit code: 0, 1 when something needed is wrong, 3 when no host could be reached."""
    known = list(hosts)
    if known and not any(host.readable for host in known):
        return 3
    return int(any(item.health is Health.WRONG for item in report.items))
