"""Make the steps of a plan: a change with its now, wanted, commands and undo."""

from __future__ import annotations

from functools import singledispatch

from hostgw.checks.words import rule_text
from hostgw.fabric import Host, NamespaceState
from hostgw.model.change import (
    AddressChange,
    AttachmentChange,
    BridgeChange,
    ChainChange,
    Change,
    ConntrackChange,
    FileChange,
    LinkChange,
    LinkState,
    NeighbourChange,
    NftRuleChange,
    RouteChange,
    RuleChange,
    ServiceChange,
    SysctlChange,
)
from hostgw.model.finding import Finding
from hostgw.model.host import Facts
from hostgw.model.kernel import Link, Neighbour
from hostgw.paths.words import route_text
from hostgw.plans.commands import commands
from hostgw.plans.file_text import state_text, unified
from hostgw.plans.model import Command, Step
from hostgw.plans.reverse import LASTING, reversed_change

NOTHING = ("(none)",)


def step(host: Host, change: Change, summary: str, finding: Finding | None = None, why: str = "") -> Step:
    """Return a step of a plan for one change on one host; `why` tells what it is good for."""
    snapshot = host.snapshot
    state = snapshot.state(change.ns) if snapshot else NamespaceState()
    container = snapshot.namespaces.get(change.ns) if snapshot and change.ns else None
    path = container.path if container else None
    back = reversed_change(change)

    def typed(wanted: Change) -> tuple[Command, ...]:
        return tuple(Command(host.name, path, argv) for argv in commands(wanted, state))

    before, after = described(change, state)
    return Step(
        host=host.name,
        change=change,
        summary=summary,
        now=before or NOTHING,
        wanted=after or NOTHING,
        commands=typed(change),
        undo=typed(back) if back else (),
        finding=finding.id if finding else "",
        namespace=container.name if container else "",
        inode=container.inode if container else 0,
        machine=_machine(change, snapshot.facts) if snapshot else "",
        diff=unified(change) if isinstance(change, FileChange) else (),
        why=why,
    )


def _machine(change: Change, facts: Facts) -> str:
    """Return on which machine a change is, for as long as it lasts."""
    return facts.machine_id if isinstance(change, LASTING) else facts.machine


Lines = tuple[str, ...]


@singledispatch
def described(change: object, state: NamespaceState) -> tuple[Lines, Lines]:
    """Return what a change finds and what it leaves, in the words of the host's own tools."""
    raise TypeError(f"no words for {type(change).__name__}")


@described.register
def _route(change: RouteChange, state: NamespaceState) -> tuple[Lines, Lines]:
    return (
        tuple(route_text(route, state) for route in change.before),
        tuple(route_text(route, state) for route in change.after),
    )


@described.register
def _link(change: LinkChange, state: NamespaceState) -> tuple[Lines, Lines]:
    def text(wanted: LinkState) -> str:
        master = f" master {state.name_of(wanted.master)}" if wanted.master else " no master"
        flags = (("fixed address", wanted.mac_is_set), ("stp", wanted.stp), ("hairpin", wanted.hairpin))
        told = (
            f" {word} {'on' if on else 'off'}" for word, on in (*flags, ("isolated", wanted.isolated)) if on is not None
        )
        return f"{change.name}: {'UP' if wanted.up else 'DOWN'}{master} mtu {wanted.mtu}{''.join(told)}"

    return (text(change.before),), (text(change.after),)


@described.register
def _bridge(change: BridgeChange, state: NamespaceState) -> tuple[Lines, Lines]:
    text = (f"{change.name}: bridge, UP, address {change.mac}",)
    return text if change.before else (), text if change.after else ()


@described.register
def _attachment(change: AttachmentChange, state: NamespaceState) -> tuple[Lines, Lines]:
    where = f"{change.inner} in {change.path}: {change.address}, default via {change.gateway}"
    text = (f"{change.name}: port of {change.bridge}; {where}",)
    return text if change.before else (), text if change.after else ()


@described.register
def _address(change: AddressChange, state: NamespaceState) -> tuple[Lines, Lines]:
    return (
        tuple(f"{change.name}: {a.address}/{a.length}" for a in change.before),
        tuple(f"{change.name}: {a.address}/{a.length}" for a in change.after),
    )


@described.register
def _sysctl(change: SysctlChange, state: NamespaceState) -> tuple[Lines, Lines]:
    differing = [path for path, value in change.after.items() if change.before.get(path) != value]
    return (
        tuple(f"{path} = {change.before.get(path, '(unset)')}" for path in differing),
        tuple(f"{path} = {change.after[path]}" for path in differing),
    )


@described.register
def _chain(change: ChainChange, state: NamespaceState) -> tuple[Lines, Lines]:
    return change.before, change.after


@described.register
def _rule(change: RuleChange, state: NamespaceState) -> tuple[Lines, Lines]:
    return tuple(rule_text(rule) for rule in change.before), tuple(rule_text(rule) for rule in change.after)


@described.register
def _neighbour(change: NeighbourChange, state: NamespaceState) -> tuple[Lines, Lines]:
    def text(entry: Neighbour | None) -> Lines:
        return (f"{entry.address} dev {change.name} lladdr {entry.mac} {entry.state.upper()}",) if entry else ()

    return text(change.before), text(change.after)


@described.register
def _nft_rule(change: NftRuleChange, state: NamespaceState) -> tuple[Lines, Lines]:
    where = f"{change.family} {change.table} {change.chain}"
    rule = f"{where}: ip saddr {change.source} ip daddr {change.destination} accept"
    return (rule,) * change.before, (rule,) * change.after


@described.register
def _conntrack(change: ConntrackChange, state: NamespaceState) -> tuple[Lines, Lines]:
    kind = f"{change.protocol} flows" if change.protocol else "flows"
    narrowed = (" with a rewritten source" if change.snat else "") + (
        f" translated to {change.dnat_to}" if change.dnat_to else ""
    )
    now = f"{kind} {change.source} to {change.destination}{narrowed} as tracked"
    return (now,), ("tracked anew, by the rules as they are",)


@described.register
def _file(change: FileChange, state: NamespaceState) -> tuple[Lines, Lines]:
    before, after = (state_text(change.path, text, change.mode) for text in (change.before, change.after))
    return (before,), (after,)


@described.register
def _service(change: ServiceChange, state: NamespaceState) -> tuple[Lines, Lines]:
    return (f"{change.service} runs with what its files said when it started",), (f"{change.service} is started anew",)


def link_state(link: Link) -> LinkState:
    """Return what of a device a change could alter."""
    return LinkState(link.up, link.master, link.mtu, link.mac)
