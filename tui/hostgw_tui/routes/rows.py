"""A host's routes: the expected ones with their verdict first, then all others by table, then the rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from hostgw.checks.judge import Judgement, judgements
from hostgw.checks.standing import Standing
from hostgw.fabric import Host, NamespaceState
from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.kernel import Route, Rule
from hostgw.paths.words import route_text
from hostgw_tui.look import SEVERITIES, STANDINGS, Line, Part, Row, Tone, cell, heading, line

TABLES = {254: "main", 253: "default", 255: "local", 0: "unspec"}


def table_name(number: int) -> str:
    """Return the name of a routing table as `ip` prints it."""
    return TABLES.get(number, str(number))


def route_rows(host: Host, view: View) -> list[Row]:
    """Return all rows of the screen."""
    judged = list(judgements(host, view.mesh))
    rows = [heading("expected", f"expected of {host.name}: {_tally(judged)}")] if judged else []
    rows += [_expected_row(judgement, host.root) for judgement in judged]
    shown = {id(j.route) for j in judged if j.route is not None and j.route.dst == str(j.subnet.prefix)}
    others = [route for route in host.root.routes if id(route) not in shown]
    findings = {found.subject: found for found in view.listed if found.host == host.name}
    for table in sorted({route.table for route in others}, key=lambda t: (t != 254, t)):
        rows.append(heading(f"table {table}", f"other routes in table {table_name(table)}"))
        rows += [_other_row(route, host.root, findings) for route in others if route.table == table]
    rows.append(heading("rules", "rules, by priority"))
    return rows + [_rule_row(rule) for rule in host.root.rules]


def _tally(judged: list[Judgement]) -> str:
    good = sum(j.standing in (Standing.OK, Standing.OWN) for j in judged)
    bad = len(judged) - good
    return f"{bad} of {len(judged)} are not right" if bad else f"all {len(judged)} are right"


def _expected_row(judgement: Judgement, state: NamespaceState) -> Row:
    subnet = judgement.subnet
    cells = (
        STANDINGS[judgement.standing].cell,
        cell(subnet.prefix),
        cell(subnet.owner, Tone.NAME),
        _way(judgement, state),
    )
    return Row(f"expected {subnet.prefix}", cells)


def _way(judgement: Judgement, state: NamespaceState) -> Line:
    """Return the route that decides and, where it is wrong, what it should be."""
    route, expected = judgement.route, judgement.expected
    now = hop_text(route, state) if route else "(no route)"
    if route and route.dst != str(judgement.subnet.prefix):
        now = f"{'default' if route.dst == '0.0.0.0/0' else route.dst} {now}"
    if judgement.standing in (Standing.OK, Standing.OWN):
        return cell(now)
    if expected is None or not expected.next_hops:
        return line(Part(now, Tone.BAD), "" if expected is None else "  no shared segment with the owner")
    wanted = f"via {address_text(expected.next_hops[0])}"
    if expected.device not in now.split():
        wanted += f" dev {expected.device}"
    instead = "  not " if route else "  expected "
    return line(Part(now.partition(" proto ")[0], Tone.BAD), Part(instead, Tone.DIM), Part(wanted, Tone.OK))


def hop_text(route: Route, state: NamespaceState) -> str:
    """Return where a route leads: what `ip route` prints after the destination."""
    text = route_text(route, state)
    words = text.split(" ")
    skip = 2 if route.type != "unicast" else 1
    rest = " ".join(words[skip:])
    return f"{route.type} {rest}".strip() if route.type != "unicast" else rest


def _other_row(route: Route, state: NamespaceState, findings: dict[str, Finding]) -> Row:
    finding = findings.get(route.dst)
    verdict = cell("·", Tone.DIM)
    if finding:
        sign = SEVERITIES[finding.severity]
        verdict = cell(f"{sign.glyph} {finding.code.removeprefix('route-')}", sign.tone)
    dst = "default" if route.dst == "0.0.0.0/0" else route.dst
    return Row(_key(route), (verdict, cell(dst), cell(table_name(route.table), Tone.DIM), cell(hop_text(route, state))))


def _key(route: Route) -> str:
    return f"route {route.table} {route.dst} {route.tos} {route.metric} {route.position}"


def _rule_row(rule: Rule) -> Row:
    what = cell(" ".join(_rule_words(rule)))
    return Row(f"rule {rule!r}", (cell(rule.priority, Tone.DIM), cell(f"from {rule.src or 'all'}"), cell(""), what))


def _rule_words(rule: Rule) -> Iterator[str]:
    if rule.inverted:
        yield "not"
    for word, value in (("to", rule.dst), ("iif", rule.iif), ("oif", rule.oif)):
        if value:
            yield f"{word} {value}"
    if rule.mark or rule.mask:
        yield f"fwmark {rule.mark:#x}/{rule.mask:#x}"
    yield from rule.other
    yield "l3mdev" if rule.l3mdev else f"lookup {table_name(rule.table)}" if rule.action == "lookup" else rule.action
    if rule.suppress_prefixlength >= 0:
        yield f"suppress_prefixlength {rule.suppress_prefixlength}"


def route_of(row: Row, host: Host) -> Route | None:
    """Return the route of a row: the one that decides for a subnet, or the very route."""
    kind, _, rest = row.key.partition(" ")
    if kind == "expected":
        return next((route for route in host.root.routes if route.dst == rest), None)
    return next((route for route in host.root.routes if _key(route) == row.key), None)


def route_command(route: Route, host: Host) -> str:
    """Return what makes a route, to be pasted: names of devices are a host's own, and quoted."""
    return shlex.join(["ip", "route", "add", *route_text(route, host.root).split(" ")])


def subject_of(row: Row) -> str:
    """Return the prefix that a row is about; empty for rules."""
    kind, _, rest = row.key.partition(" ")
    if kind == "expected":
        return rest
    return rest.split(" ")[1] if kind == "route" else ""
