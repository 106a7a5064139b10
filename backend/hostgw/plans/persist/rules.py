"""Rules at boot: those of this network, in the file that the host reads its rules from.

Sources: iptables-restore(8); netfilter-persistent(8) reads /etc/iptables/rules.v4, the iptables service of Red Hat's
kind /etc/sysconfig/iptables, the nftables service /etc/nftables.conf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hostgw.checks.nat import rulesets
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.ip import Prefix, maybe_prefix
from hostgw.model.iptables import FilterRule
from hostgw.plans.persist.model import MARK, NAME, Draft, Files, Rules
from hostgw.plans.setup.steps import CHAIN

UNITS = "/etc/systemd/system/"
NOTE = f"# {MARK}: containers keep their address among themselves."
END = f"# End of what {NAME} wrote."
_TARGETS = {"nat": {"RETURN", "ACCEPT", "MASQUERADE"}, "filter": {"ACCEPT"}}
_MATCHES = frozenset({"-s", "-d", "--ctstate"})
_PLAIN = re.compile(r"[A-Za-z0-9_./,! -]+")
"""What a shell takes as it is."""
_COUNTER = re.compile(r"^\[\d+:\d+\] ")


@dataclass(frozen=True, slots=True)
class Place:
    """A file of rules, and the links by which systemd has it read at boot."""

    path: str
    links: tuple[str, ...]
    saved: bool = True
    """Somebody has to save rules for it to be there; another comes with a package, read or not."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All that has to be read."""
        return (self.path, *(UNITS + link for link in self.links))

    def used(self, files: Files) -> bool:
        """Tell whether the host reads it at boot."""
        linked = any(files.is_link(UNITS + link) for link in self.links)
        enabled = linked if files.systemd else self.saved
        return files.text(self.path) is not None and enabled


PLACES = (
    Place("/etc/iptables/rules.v4", ("multi-user.target.wants/netfilter-persistent.service",)),
    Place(
        "/etc/sysconfig/iptables", ("multi-user.target.wants/iptables.service", "basic.target.wants/iptables.service")
    ),
)
_NATIVE_LINKS = ("sysinit.target.wants/nftables.service", "multi-user.target.wants/nftables.service")
NATIVE = Place("/etc/nftables.conf", _NATIVE_LINKS, saved=False)


def ours(host: Host, mesh: Mesh) -> tuple[Rules, ...]:
    """Return the rules of a host that are this network's, and that no program writes by itself."""
    member, network = mesh.members.get(host.name), mesh.network
    if network is None or member is None or not member.subnets:
        return ()
    return tuple(_found(host, network))


def _found(host: Host, network: Prefix) -> Iterator[Rules]:
    for held in rulesets(host):
        if (own := held.chain("nat", CHAIN)) and own.rules:
            yield Rules(held.backend, "nat", CHAIN, own.lines, own=True)
        for table, name in (("nat", "POSTROUTING"), ("filter", "FORWARD")):
            chain = held.chain(table, name)
            lines = tuple(rule.text for rule in chain.rules if _is_ours(rule, table, network)) if chain else ()
            if lines:
                yield Rules(held.backend, table, name, lines)


def _is_ours(rule: FilterRule, table: str, network: Prefix) -> bool:
    """Tell whether a rule is of the form that we write, about addresses of the network and nothing else."""
    if rule.target == CHAIN:
        return not rule.matches
    known = rule.target in _TARGETS[table] and {option.name for option in rule.matches} <= _MATCHES
    named = (maybe_prefix(option.values[0]) for option in rule.matches if option.name in ("-s", "-d"))
    return known and bool(_PLAIN.fullmatch(rule.text)) and any(p and network.covers(p) for p in named)


def drafts(rules: Sequence[Rules], files: Files) -> Iterator[Draft]:
    """Yield the changed file of rules."""
    place = home(files)
    held = files.text(place.path) if place else None
    if place and held is not None and rules:
        text = native_text(held, rules) if place is NATIVE else saved_text(held, rules)
        if change := files.change(place.path, text):
            yield Draft(change, "our rules are read at boot with the others")


def home(files: Files) -> Place | None:
    """Return the file that the host reads its rules from; None where it reads none that we know of."""
    return next((place for place in (*PLACES, NATIVE) if place.used(files)), None)


# ---- what iptables-save writes ----


def saved_text(text: str, rules: Sequence[Rules]) -> str:
    """Return a file of iptables-save with rules in it; all other lines stay as they are."""
    lines = text.split("\n")
    for table in dict.fromkeys(each.table for each in rules):
        lines = _with_table(lines, table, [each for each in rules if each.table == table])
    return "\n".join(lines)


def _with_table(lines: list[str], table: str, rules: Iterable[Rules]) -> list[str]:
    if f"*{table}" not in lines:
        filled = max((place + 1 for place, line in enumerate(lines) if line), default=0)
        lines = [*lines[:filled], f"*{table}", "COMMIT", *(lines[filled:] or [""])]
    start = lines.index(f"*{table}") + 1
    end = next((place for place in range(start, len(lines)) if lines[place] == "COMMIT"), len(lines))
    section = lines[start:end]
    for each in rules:
        section = _with_chain(section, each)
    return [*lines[:start], *section, *lines[end:]]


def _with_chain(section: list[str], rules: Rules) -> list[str]:
    held = tuple(_bare(line) for line in section if _bare(line).startswith(f"-A {rules.chain} "))
    if held[: len(rules.lines)] == rules.lines and (not rules.own or held == rules.lines):
        return section
    if rules.own:
        kept = [line for line in section if not _of(line, rules.chain) and line != NOTE]
        declared = max((place + 1 for place, line in enumerate(kept) if line.startswith(":")), default=0)
        return [*kept[:declared], f":{rules.chain} - [0:0]", *kept[declared:], NOTE, *rules.lines]
    kept = [line for line in section if _bare(line) not in rules.lines]
    others = (place for place, line in enumerate(kept) if _bare(line).startswith(f"-A {rules.chain} "))
    rest = next(others, next((place for place, line in enumerate(kept) if _bare(line).startswith("-A ")), len(kept)))
    return [*kept[:rest], *rules.lines, *kept[rest:]]


def _of(line: str, chain: str) -> bool:
    return line.startswith(f":{chain} ") or _bare(line).startswith(f"-A {chain} ")


def _bare(line: str) -> str:
    return _COUNTER.sub("", line)


# ---- nftables ----


def native_text(text: str, rules: Sequence[Rules]) -> str:
    """Return /etc/nftables.conf with a table of ours at its end, in place of the one that is there."""
    head, _, rest = text.partition(f"{NOTE}\n")
    tail = rest.partition(f"{END}\n")[2] if rest else ""
    head += "" if not head or head.endswith("\n") else "\n"
    lines = [line for each in rules if each.table == "nat" for line in each.lines]
    body = "".join(f"\t\t{_native(line)}\n" for line in lines if f"-j {CHAIN}" not in line)
    chain = f"\tchain postrouting {{\n\t\ttype nat hook postrouting priority srcnat - 5;\n{body}\t}}\n"
    table = f"table ip {NAME}\ndelete table ip {NAME}\ntable ip {NAME} {{\n{chain}}}\n"
    return f"{head}{NOTE}\n{table}{END}\n{tail}"


_VERDICTS = {"RETURN": "accept", "ACCEPT": "accept", "MASQUERADE": "masquerade"}


def _native(line: str) -> str:
    """Return a rule of ours as nft writes it; in a chain of its own, to accept is to return."""
    words, parts, negated = line.split()[2:], [], ""
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word in ("-s", "-d"):
            parts.append(f"ip {'saddr' if word == '-s' else 'daddr'} {negated}{value.removesuffix('/32')}")
        elif word == "-j":
            parts.append(_VERDICTS[value])
        elif word == "--random-fully":
            parts.append("fully-random")
        negated = "!= " if word == "!" else ""
    return " ".join(parts)
