"""Hosts and findings as rows, and details as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from hostgw.checks.catalogue import CLASS_WORDS, CODES, class_of
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.model.finding import Finding, Severity
from hostgw.model.guard import Guard, GuardState
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_text
from hostgw_tui.look import NOT_ROOT, SEVERITIES, STATES, Line, Part, Row, Sign, Tone, cell, line
from hostgw_tui.overview.explanation import explained, notice_lines
from hostgw_tui.overview.probe_rows import NOT_TRIED
from hostgw_tui.widgets.states import NOBODY, is_silent

TRY = cell("enter on a host tells why, r tries again", Tone.DIM)
DOWN_HINT = "press r to try again"
KEPT = 1000
"""Rows of hosts."""
MANY = 4
"""Findings that are named one by one where others are explained."""


def age_text(seconds: float) -> str:
    """Return an age in few characters."""
    if seconds < 1:
        return "now"
    if seconds < 120:
        return f"{int(seconds)}s"
    return f"{int(seconds / 60)}m" if seconds < 7200 else f"{int(seconds / 3600)}h"


def ago_text(seconds: float) -> str:
    """Return an age for a sentence."""
    return "just now" if seconds < 1 else f"{age_text(seconds)} ago"


def rtt_text(nanoseconds: int) -> str:
    """Return a round trip in few characters; empty when not measured."""
    if nanoseconds <= 0:
        return ""
    return f"{nanoseconds / 1e6:.1f}ms" if nanoseconds < 1e8 else f"{nanoseconds / 1e9:.1f}s"


def host_rows(view: View, now: float) -> list[Row]:
    """Return a row per listed host: name, state, address, subnet, findings, age, round trip, remark."""
    counted = count_by_host(view.listed)
    noticed = _kinds_by_host(view.findings)
    unowned = "none yet" if is_bare(view) else ""
    return [
        _host_row(
            Shown(
                host.name,
                state_sign(host),
                is_current(host, now),
                _address(host, view),
                _subnet(host, view, unowned),
                counted.get(host.name, 0),
                age_text(now - host.changed_at) if host.changed_at else "",
                rtt_text(host.rtt_ns),
                _remark(host, len(noticed.get(host.name, ())), now),
            )
        )
        for host in view.fabric.hosts.values()
    ]


def _kinds_by_host(findings: Iterable[Finding]) -> dict[str, set[str]]:
    """Return of which kinds each host has notices."""
    kinds: dict[str, set[str]] = {}
    for finding in findings:
        if finding.severity is Severity.NOTICE:
            kinds.setdefault(finding.host, set()).add(finding.code)
    return kinds


def count_by_host(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings each host has."""
    counted: dict[str, int] = {}
    for finding in findings:
        counted[finding.host] = counted.get(finding.host, 0) + 1
    return counted


class Shown(NamedTuple):
    """What a row tells of a host."""

    name: str
    sign: Sign
    current: bool
    address: str
    subnet: str
    found: int
    age: str
    rtt: str
    remark: Line


def _address(host: Host, view: View) -> str:
    member = view.mesh.members.get(host.name)
    return address_text(member.underlay.address) if member and member.underlay else host.address


def _subnet(host: Host, view: View, unowned: str) -> str:
    member = view.mesh.members.get(host.name)
    if member and member.subnets:
        more = f" +{len(member.subnets) - 1}" if len(member.subnets) > 1 else ""
        return f"{member.subnets[0].prefix}{more}"
    return (unowned or (member.role.value if member else "")) if host.readable else ""


@lru_cache(KEPT)
def _host_row(shown: Shown) -> Row:
    """Return a row, the same as before where nothing of it has changed: most hosts stay as they are."""
    old = shown.sign not in (STATES[HostState.UP], NOT_ROOT)
    cells = (
        cell(shown.name, Tone.NAME),
        shown.sign.cell,
        cell(shown.address),
        cell(shown.subnet),
        _found(shown.current, shown.found),
        cell(shown.age, Tone.WARN if old else Tone.DIM),
        cell(shown.rtt, Tone.DIM),
        shown.remark,
    )
    return Row(shown.name, cells, dim=old)


def _found(current: bool, found: int) -> Line:
    if found:
        return cell(f"✗ {found}", Tone.BAD)
    return cell("✓ none", Tone.OK) if current else cell("? unknown", Tone.DIM)


def is_current(host: Host, now: float) -> bool:
    """Tell whether what is known of a host is so now."""
    return host.readable and host.state is HostState.UP and not host.is_partial and not is_silent(host, now)


def state_sign(host: Host) -> Sign:
    """Return how a host is; one that was read without root is not wholly known."""
    return NOT_ROOT if host.state is HostState.UP and host.is_partial else STATES[host.state]


def why(host: Host) -> str:
    """Return why a host is not up, without its name, which stands beside it."""
    return host.error


def _remark(host: Host, noticed: int, now: float) -> Line:
    if host.error:
        return cell(why(host), Tone.BAD if not host.readable else Tone.WARN)
    if is_silent(host, now):
        return cell("nothing heard: it may be gone", Tone.WARN)
    if not host.readable and host.state is HostState.UP:
        return cell("reading …", Tone.NOTE)
    missing = host.snapshot.facts.missing if host.snapshot else ()
    if missing:
        return cell(missing[0], Tone.WARN)
    return cell(f"{_plural(noticed, 'notice')}: enter" if noticed else "", Tone.DIM)


def finding_rows(view: View) -> list[Row]:
    """Return a row per listed finding, root causes first, each followed by what it explains."""
    return [_finding_row(*placed) for placed in view.placed]


def findings_title(view: View) -> str:
    """Return how many findings there are, and how many of them are causes."""
    placed = view.placed
    heads = sum(not each.below for each in placed)
    words = ["findings"] + ([str(len(placed))] if placed else [])
    words += [f"{_plural(heads, 'cause')}, {_plural(len(placed) - heads, 'effect')}"] if heads < len(placed) else []
    words += ["F previews the fix of all"] if heads > 1 else []
    return " · ".join(words)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _finding_row(finding: Finding, below: str, explains: int) -> Row:
    sign = SEVERITIES[finding.severity]
    mark = Part("└ ", Tone.DIM) if below else Part(f"explains {explains} · " if explains else "", Tone.NOTE)
    tone = Tone.DIM if below else Tone.PLAIN
    cells = (
        cell(f"{sign.glyph} {sign.word}", sign.tone),
        cell(finding.host, Tone.NAME),
        cell(finding.code, tone),
        line(mark, Part(finding.summary, tone)),
    )
    return Row(finding.id, cells)


def finding_lines(finding: Finding, view: View) -> Iterator[Line]:
    """Yield what is known of a finding."""
    sign = SEVERITIES[finding.severity]
    known = CODES[finding.code]
    yield line(Part(finding.summary, Tone.STRONG))
    yield ()
    yield line(Part("severity  ", Tone.DIM), Part(f"{sign.glyph} {sign.word}", sign.tone), f"  {known.title}")
    if finding.effect:
        yield line(Part("effect    ", Tone.DIM), finding.effect)
    for place, text in enumerate(finding.evidence):
        yield line(Part("evidence  " if place == 0 else "          ", Tone.DIM), Part(text, Tone.CODE))
    subject = f"{known.subject} {finding.subject}"
    yield line(Part("entry     ", Tone.DIM), f"{finding.entry} · code {finding.code} · {subject}")
    yield from _others("caused by", [other for other in view.findings if other.id in finding.caused_by])
    below = [each.finding for each in view.placed if each.below == finding.id]
    yield from _others("explains", below or [other for other in view.listed if finding.id in other.caused_by])
    yield line(Part("by key    ", Tone.DIM), CLASS_WORDS[class_of(finding)])


def finding_details(finding: Finding, view: View) -> Iterator[Line]:
    """Yield what is known of a finding, and what such a finding means."""
    yield from finding_lines(finding, view)
    yield from explained(finding.entry)


def _others(label: str, findings: list[Finding]) -> Iterator[Line]:
    """Yield findings that have to do with one that is shown; of many, the first."""
    for place, other in enumerate(findings[:MANY]):
        head = Part(f"{'' if place else label:<10}", Tone.DIM)
        yield line(head, Part(f"{other.host} ", Tone.NAME), other.summary, Part(f" ({other.code})", Tone.DIM))
    if len(findings) > MANY:
        yield line(Part(" " * 10, Tone.DIM), f"and {len(findings) - MANY} more")


def host_lines(host: Host, view: View, now: float) -> Iterator[Line]:
    """Yield what is known of a host: state, cause and remedy, facts, what was assumed and noticed."""
    sign = state_sign(host)
    age = f", last heard {ago_text(now - host.changed_at)}" if host.changed_at else ""
    yield line(Part("state     ", Tone.DIM), Part(f"{sign.glyph} {sign.word}", sign.tone), f" at {host.address}{age}")
    if host.error:
        yield line(Part("why       ", Tone.DIM), Part(why(host), Tone.WARN))
        yield line(Part("next      ", Tone.DIM), DOWN_HINT)
    if host.snapshot:
        facts = host.snapshot.facts
        who = "root" if facts.uid == 0 else f"uid {facts.uid}, not root"
        python = f"Python {facts.python}" if facts.python else "no Python"
        machine = f"{facts.hostname}, Linux {facts.kernel}, {python}, {who}"
        yield line(Part("machine   ", Tone.DIM), machine)
        yield from (line(Part("missing   ", Tone.DIM), Part(text, Tone.WARN)) for text in facts.missing)
    yield from guard_lines(guard for guard in host.guards if guard.state.pending)
    yield from notice_lines(f for f in view.findings if f.host == host.name and f.severity is Severity.NOTICE)
    assumed = [text for text in view.mesh.assumptions if text.startswith(f"{host.name}:") or f" {host.name}:" in text]
    yield from (line(Part("assumed   ", Tone.DIM), text) for text in assumed)
    yield from guard_lines(guard for guard in host.guards if not guard.state.pending)


def guard_lines(guards: Iterable[Guard]) -> Iterator[Line]:
    """Yield the changes that waited to be confirmed when the host was last asked, or how the last ones ended."""
    for guard in guards:
        told = f"changed again by somebody: {guard.put_back}" if guard.put_back else guard.detail
        words = f"{guard.title}, by {guard.operator}{f' ({told})' if told else ''}"
        if guard.state.pending:
            until = f": taken back in {guard.left_s:.0f} s unless confirmed, when last asked"
            yield line(Part("pending   ", Tone.DIM), Part(words, Tone.WARN), until)
        else:
            tone = Tone.WARN if guard.put_back or guard.state is GuardState.UNDO_FAILED else Tone.PLAIN
            yield line(Part("change    ", Tone.DIM), Part(f"{guard.state.value}: ", tone), words)


def assumption_lines(view: View) -> Iterator[Line]:
    """Yield what was assumed of the mesh, and why."""
    if not view.mesh.assumptions:
        yield line("Nothing was assumed: all of it was told." if view.fabric.readable else "No host has been read yet.")
    for text in view.mesh.assumptions:
        yield line(Part("· ", Tone.DIM), text)
    yield ()
    yield cell("--network and an inventory tell what was assumed wrongly.", Tone.DIM)


def network_title(view: View) -> str:
    """Return the network and where it is known from, for the title of the matrix."""
    network = view.mesh.network
    if network is None:
        return "network unknown" if view.fabric.readable else "network: looking"
    prefix = f"network {network}: "
    source = next((text.removeprefix(prefix) for text in view.mesh.assumptions if text.startswith(prefix)), "told")
    return f"network {network} ({source})"


BARE = (
    cell("These hosts form no host-gw network yet: none of them owns a container subnet.", Tone.NOTE),
    line(
        Part("S", Tone.KEY),
        " sets one up: it asks for a network and shows every step before any change.",
    ),
)


EMPTY = line(
    "No container hangs on a bridge yet: attach in the palette (",
    Part(":", Tone.KEY),
    ") makes one of a namespace.",
)


def has_containers(view: View) -> bool:
    """Tell whether some host has a container."""
    return any(host.snapshot and host.snapshot.containers for host in view.fabric.readable)


def is_bare(view: View) -> bool:
    """Tell whether hosts were read, and none owns a subnet."""
    return bool(view.fabric.readable) and not view.mesh.subnets


def no_subnet(view: View) -> tuple[Line, ...]:
    """Return what the matrix says when it is empty; how to make a network where the list of findings does not tell."""
    known = cell("no subnet is known yet", Tone.NOTE)
    return (
        (line(*known, ": ", Part("S", Tone.KEY), " sets a network up"),) if is_bare(view) and view.listed else (known,)
    )


def no_findings(view: View, now: float, asks: bool = False) -> tuple[Line, ...]:
    """Return what the list of findings says when it is empty; `asks` when hosts can be asked for more."""
    hosts = view.fabric.hosts.values()
    unread = [host for host in hosts if not is_current(host, now)]
    if not hosts:
        return NOBODY
    if len(unread) == len(hosts):
        if any(host.readable for host in hosts):
            return (cell("~ No host can be read now; what is shown is old.", Tone.WARN), TRY)
        waiting = any(host.state in (HostState.CONNECTING, HostState.UP) for host in hosts)
        text = "Connecting: findings appear as the hosts answer." if waiting else "No host could be reached."
        return (cell(text, Tone.NOTE if waiting else Tone.BAD), TRY)
    if is_bare(view):
        return BARE
    healthy = cell("✓ Healthy: every host routes every subnet to its owner; nothing that is checked is wrong.", Tone.OK)
    if not unread:
        more = NOT_TRIED if asks and view.fabric.probes is None else None
        return tuple(filter(None, (healthy, more if has_containers(view) else EMPTY)))
    names = ", ".join(host.name for host in unread)
    share = f"{len(hosts) - len(unread)} of {len(hosts)}"
    return (
        cell(f"✓ Nothing wrong on the hosts that can be read now ({share}).", Tone.OK),
        cell(f"? Not known: {names}. enter on a host tells why, r tries again.", Tone.WARN),
    )
