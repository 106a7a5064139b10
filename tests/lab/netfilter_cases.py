"""Random rules and packets for the router of `netfilter_rig`, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from hostgw.paths.netfilter import Flow
from tests.lab.netfilter_rig import CLIENTS, FREE, NUMBERS, OWN, SERVERS

PORTS = (53, 80, 443, 8080)
MARKS = (0x1, 0x2, 0x10, 0x4000)
PREFIXES: tuple[str, ...] = (
    "10.1.0.0/24",
    "10.1.0.64/26",
    "10.9.0.0/16",
    "10.2.0.0/24",
    "10.2.0.2/31",
    "10.8.0.0/16",
    "10.0.0.0/8",
)
PREFIXES += ("0.0.0.0/1", *(f"{address}/32" for address in (*CLIENTS, *SERVERS, *OWN)))
SETS = """create ips hash:ip family inet hashsize 64 maxelem 65536
add ips 10.1.0.2
add ips 10.2.0.3
create nets hash:net family inet hashsize 64 maxelem 65536
add nets 10.8.0.0/16
add nets 10.1.0.64/26
create services hash:ip,port family inet hashsize 64 maxelem 65536
add services 10.2.0.2,tcp:80
add services 10.8.0.5,udp:53
create netports hash:net,port family inet hashsize 64 maxelem 65536
add netports 10.8.0.0/16,tcp:443
add netports 10.2.0.2/31,udp:80
"""
"""The sets that rules may ask, as `ipset save` would show them."""
SET_NAMES = {"ips": 1, "nets": 1, "services": 2, "netports": 2}
UNREADABLE = ("-m recent --rcheck --name x --rsource", "-m statistic --mode random --probability 0.5")
UNREADABLE_NATIVE = ("numgen random mod 2 == 0", "meta cpu 0")


@dataclass
class Rules:
    """A set of rules and what is special about it."""

    iptables: dict[str, str] = field(default_factory=dict)
    native: str = ""
    unreadable: bool = False
    """It holds matches that cannot be evaluated."""


class Maker:
    """Makes rules and packets."""

    def __init__(self, seed: int, supported: frozenset[str]) -> None:
        self.random = Random(seed)
        self._supported = supported
        self._unreadable = False

    def rules(self) -> Rules:
        """Return rules of one backend or several."""
        pick = self.random.random()
        backends = [
            name for name, share in (("nft", 0.5), ("legacy", 0.4), ("native", 0.5)) if self.random.random() < share
        ]
        backends = backends or ["nft" if pick < 0.5 else "native"]
        self._may_be_unreadable = self.random.random() < 0.15
        made = Rules({name: self.iptables() if name in backends else "" for name in ("nft", "legacy")})
        made.native = self.native() if "native" in backends else ""
        made.unreadable = self._unreadable
        return made

    def flow(self) -> tuple[str, Flow]:
        """Return how a packet goes through the router and the packet."""
        way = self.random.choices(("forwarded", "delivered", "sent"), (6, 2, 2))[0]
        protocol = self.random.choice(("tcp", "udp", "icmp"))
        forth = self.random.random() < 0.8
        source = NUMBERS[self.random.choice(OWN if way == "sent" else CLIENTS if forth else SERVERS)]
        target = OWN if way == "delivered" else SERVERS if forth else CLIENTS
        near, far = ("c0", "s0") if forth else ("s0", "c0")
        invalid = protocol == "tcp" and way != "sent" and self.random.random() < 0.15
        return way, Flow(
            source,
            NUMBERS[self.random.choice(target)],
            "" if way == "sent" else near,
            "" if way == "delivered" else far,
            protocol,
            0 if protocol == "icmp" else self.random.choice((1234, 53)),
            0 if protocol == "icmp" else self.random.choice(PORTS),
            state="INVALID" if invalid else "NEW",
            tcp_flags=(16 if invalid else 2) if protocol == "tcp" else -1,
            ttl=64,
            length={"icmp": 36, "udp": 36, "tcp": 40}[protocol],
        )

    # iptables

    def iptables(self) -> str:
        tables = [self.table(table) for table in ("raw", "mangle", "nat", "filter", "security") if self._wanted(table)]
        return "".join(tables)

    def _wanted(self, table: str) -> bool:
        return self.random.random() < {"filter": 0.9, "nat": 0.6, "mangle": 0.4, "raw": 0.25, "security": 0.1}[table]

    def table(self, table: str) -> str:
        chains = BUILT_IN[table]
        policies = {chain: self._policy(table, chain) for chain in chains}
        lines = [f"*{table}", *(f":{chain} {policy} [0:0]" for chain, policy in policies.items())]
        lines += [f":{chain} - [0:0]" for chain in OWN_CHAINS]
        for chain in (*chains, *OWN_CHAINS):
            lines += [self.rule(table, chain) for _ in range(self.random.randrange(1, 5))]
        return "\n".join((*lines, "COMMIT", ""))

    def _policy(self, table: str, chain: str) -> str:
        return "DROP" if table == "filter" and chain != "OUTPUT" and self.random.random() < 0.25 else "ACCEPT"

    def rule(self, table: str, chain: str) -> str:
        protocol = self.random.choice(("tcp", "udp", "icmp", "")) if self.random.random() < 0.6 else ""
        words = [f"-A {chain}", *self._ends(chain)]
        if protocol:
            words.append(f"{self._not()}-p {protocol}" if self.random.random() < 0.3 else self._protocol(protocol))
            protocol = protocol if "!" not in words[-1] else ""
        words += [self._match(protocol) for _ in range(self.random.choice((0, 0, 1, 1, 2)))]
        target = self._target(table, chain, protocol)
        return " ".join(word for word in (*words, target) if word)

    def _not(self) -> str:
        return "! " if self.random.random() < 0.3 else ""

    def _ends(self, chain: str) -> list[str]:
        words = [f"{self._not()}-s {self.random.choice(PREFIXES)}"] if self.random.random() < 0.4 else []
        words += [f"{self._not()}-d {self.random.choice(PREFIXES)}"] if self.random.random() < 0.4 else []
        if self.random.random() < 0.3 and chain in ("PREROUTING", "INPUT", "FORWARD"):
            words.append(f"{self._not()}-i {self.random.choice(('c0', 's0', 'c+', 'x+'))}")
        if self.random.random() < 0.3 and chain in ("FORWARD", "OUTPUT", "POSTROUTING"):
            words.append(f"{self._not()}-o {self.random.choice(('c0', 's0', 's+'))}")
        return words

    def _protocol(self, protocol: str) -> str:
        if protocol == "icmp":
            return self.random.choice(("-p icmp", f"-p icmp -m icmp {self._not()}--icmp-type 8"))
        ports = ",".join(str(port) for port in self.random.sample(PORTS, 2))
        choices = [f"-p {protocol}", f"-p {protocol} -m {protocol} {self._not()}--dport {self.random.choice(PORTS)}"]
        choices += [f"-p {protocol} -m {protocol} {self._not()}--sport 1000:2000"]
        choices += [f"-p {protocol} -m multiport {self._not()}--{side} {ports}" for side in ("dports", "ports")]
        if protocol == "tcp":
            choices += [
                f"-p tcp -m tcp {self._not()}--tcp-flags FIN,SYN,RST,ACK SYN",
                "-p tcp -m tcp --tcp-flags ACK ACK",
            ]
        return self.random.choice(choices)

    def _match(self, protocol: str) -> str:
        if self._may_be_unreadable and self.random.random() < 0.2:
            found = self.random.choice(UNREADABLE)
            self._unreadable = self._unreadable or found in self._supported
            return found if found in self._supported else ""
        found = self.random.choice(MATCHES)(self)
        return found if _extension(found) in self._supported else ""

    def set_match(self) -> str:
        name = self.random.choice(list(SET_NAMES))
        sides = ",".join(self.random.choice(("src", "dst")) for _ in range(SET_NAMES[name]))
        return f"-m set {self._not()}--match-set {name} {sides}"

    def states(self) -> str:
        return ",".join(self.random.sample(("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"), 2))

    def _target(self, table: str, chain: str, protocol: str) -> str:
        if chain == "ONE" and self.random.random() < 0.3:
            return self.random.choice(("-j TWO", "-g TWO"))
        if chain not in OWN_CHAINS and self.random.random() < 0.35:
            return self.random.choice(("-j ONE", "-j TWO", "-g ONE"))
        return self.random.choice(TARGETS[table])(self, chain, protocol)

    def reject(self, protocol: str) -> str:
        kinds = ["icmp-port-unreachable", "icmp-host-prohibited"] + (["tcp-reset"] if protocol == "tcp" else [])
        return f"-j REJECT --reject-with {self.random.choice(kinds)}"

    def nat(self, chain: str, protocol: str) -> str:
        """Return a translation that the chain allows; chains of our own are called from all, so they only leave."""
        if chain in ("PREROUTING", "OUTPUT"):
            where = self.random.choice((*SERVERS, *CLIENTS, *OWN))
            port = ":8080" if protocol in ("tcp", "udp") and self.random.random() < 0.5 else ""
            choices = [f"-j DNAT --to-destination {where}{port}"] * 3
            return self.random.choice([*choices, *(["-j REDIRECT"] if chain == "PREROUTING" else [])])
        if chain == "POSTROUTING":
            choices = [
                "-j MASQUERADE",
                f"-j SNAT --to-source {self.random.choice(FREE)}",
                "-j NETMAP --to 10.2.0.96/30",
            ]
            return self.random.choice(choices)
        return self.random.choice(("-j RETURN", "-j ACCEPT"))

    # native nftables

    def native(self) -> str:
        tables = [self._native_table(f"t{number}") for number in range(self.random.choice((1, 1, 2)))]
        return "\n".join(tables)

    def _native_table(self, name: str) -> str:
        self.family = self.random.choice(("ip", "inet"))
        lines = [f"table {self.family} {name} {{", NATIVE_SETS]
        for number in range(2):
            lines += [f"chain own{number} {{", *(self._native_rule("", number) for _ in range(2)), "}"]
        for number in range(self.random.choice((1, 2, 3))):
            lines += self._base(number)
        return "\n".join((*lines, "}"))

    def _base(self, number: int) -> list[str]:
        nat = self.random.random() < 0.3
        hook = self.random.choice(("prerouting", "postrouting", "output") if nat else HOOKS)
        priority = self.random.choice((-100, 100, 0) if nat else (-310, -250, -150, -50, 0, 10, 50, 120))
        policy = "drop" if not nat and self.random.random() < 0.2 else "accept"
        head = f"type {'nat' if nat else 'filter'} hook {hook} priority {priority}; policy {policy};"
        rules = [self._native_rule(hook, 9, nat) for _ in range(self.random.randrange(1, 6))]
        return [f"chain base{number} {{", head, *rules, "}"]

    def _native_rule(self, hook: str, depth: int, nat: bool = False) -> str:
        protocol = self.random.choice(("tcp", "udp"))
        words = [self.random.choice(NATIVE)(self, protocol, hook) for _ in range(self.random.choice((0, 1, 1, 2)))]
        if self._may_be_unreadable and self.random.random() < 0.15:
            words.append(self.random.choice(UNREADABLE_NATIVE))
            self._unreadable = True
        if nat and self.random.random() < 0.6:
            return " ".join((*words, self._native_nat(hook, words)))
        calls = ["jump own0", "jump own1", "goto own1"] if depth == 9 else ["jump own0"] if depth == 1 else []
        ends = ["accept", "drop", "return", "continue", *calls, *NATIVE_CHANGES]
        if hook in ("input", "forward", "output") and not nat:
            ends.append("reject")
        if nat:
            ends = ["accept", "return", *calls]
        end = self.random.choice(ends)
        return " ".join((*words, *(["counter"] if self.random.random() < 0.3 else []), end))

    def _native_nat(self, hook: str, words: list[str]) -> str:
        family = "ip " if self.family == "inet" else ""
        if hook == "postrouting":
            return self.random.choice(("masquerade", f"snat {family}to {self.random.choice(FREE)}"))
        where = self.random.choice((*SERVERS, *OWN[:2]))
        by_map = f"dnat {family}to ip daddr map {{ 10.2.0.2 : 10.2.0.3, 10.8.0.0/16 : 10.2.0.2 }}"
        choices = [f"dnat {family}to {where}", by_map]
        if any(word.startswith(("tcp", "udp")) for word in words):
            choices.append(f"dnat {family}to {where}:8080")
        return self.random.choice([*choices, *(["redirect"] if hook == "prerouting" else [])])


def _extension(match: str) -> str:
    return " ".join(match.split()[:2])


BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
OWN_CHAINS = ("ONE", "TWO")
HOOKS = ("prerouting", "input", "forward", "forward", "output", "postrouting")
MATCHES: tuple[Callable[[Maker], str], ...] = (
    lambda maker: f"-m conntrack {maker._not()}--ctstate {maker.states()}",
    lambda maker: f"-m state --state {maker.states()}",
    lambda maker: f"-m conntrack {maker._not()}--ctstate {maker.random.choice(('DNAT', 'SNAT', 'NEW,DNAT'))}",
    lambda maker: (
        f"-m conntrack {maker._not()}--ctstatus {maker.random.choice(('SEEN_REPLY', 'CONFIRMED', 'ASSURED'))}"
    ),
    lambda maker: f"-m conntrack --ctdir {maker.random.choice(('ORIGINAL', 'REPLY'))}",
    lambda maker: f"-m conntrack {maker._not()}--ctorigdst {maker.random.choice(PREFIXES)}",
    lambda maker: f"-m conntrack --ctorigsrc {maker.random.choice(PREFIXES)}",
    lambda maker: f"-m conntrack {maker._not()}--ctrepldst {maker.random.choice(PREFIXES)}",
    lambda maker: f"-m conntrack --ctstate NEW {maker._not()}--ctorigdst {maker.random.choice(PREFIXES)}",
    lambda maker: (
        f"-m mark {maker._not()}--mark {maker.random.choice(MARKS):#x}/{maker.random.choice((255, 0xFFFF)):#x}"
    ),
    lambda maker: f"-m connmark {maker._not()}--mark {maker.random.choice(MARKS):#x}",
    lambda maker: f"-m addrtype {maker._not()}--dst-type {maker.random.choice(('LOCAL', 'UNICAST', 'LOCAL,UNICAST'))}",
    lambda maker: f"-m addrtype {maker._not()}--src-type {maker.random.choice(('LOCAL', 'UNICAST', 'MULTICAST'))}",
    lambda maker: f"-m iprange {maker._not()}--src-range 10.1.0.2-10.2.0.1",
    lambda maker: f"-m iprange {maker._not()}--dst-range 10.2.0.3-10.8.0.200",
    lambda maker: f"-m length {maker._not()}--length {maker.random.choice(('36', '40:60', '0:39'))}",
    lambda maker: f"-m ttl {maker.random.choice(('--ttl-eq 64', '--ttl-eq 63', '--ttl-lt 64', '--ttl-gt 62'))}",
    lambda maker: f"-m physdev {maker._not()}--physdev-is-bridged",
    lambda maker: "-m limit --limit 1000000/sec --limit-burst 10000",
    lambda maker: '-m comment --comment "it is a \\"test\\" -j DROP"',
    Maker.set_match,
    Maker.set_match,
    lambda maker: "-m rpfilter" if maker.random.random() < 0 else "",
)
MARKING: tuple[Callable[[Maker, str, str], str], ...] = (
    lambda maker, chain, protocol: (
        f"-j MARK --set-xmark {maker.random.choice(MARKS):#x}/{maker.random.choice((255, 0xFFFFFFFF)):#x}"
    ),
    lambda maker, chain, protocol: f"-j CONNMARK --set-xmark {maker.random.choice(MARKS):#x}/0xffffffff",
    lambda maker, chain, protocol: "-j CONNMARK --save-mark --nfmask 0xffff --ctmask 0xffff",
    lambda maker, chain, protocol: "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
)
PLAIN: tuple[Callable[[Maker, str, str], str], ...] = (
    lambda maker, chain, protocol: "-j ACCEPT",
    lambda maker, chain, protocol: "-j DROP",
    lambda maker, chain, protocol: "-j RETURN",
    lambda maker, chain, protocol: "",
)
TARGETS: dict[str, tuple[Callable[[Maker, str, str], str], ...]] = {
    "raw": (*PLAIN[:3], lambda maker, chain, protocol: "-j CT --notrack", MARKING[0], MARKING[0]),
    "mangle": (*PLAIN, *MARKING, *MARKING),
    "nat": (lambda maker, chain, protocol: maker.nat(chain, protocol),),
    "filter": (
        *PLAIN,
        lambda maker, chain, protocol: "-j ACCEPT",
        lambda maker, chain, protocol: maker.reject(protocol) if chain not in OWN_CHAINS else "-j DROP",
    ),
    "security": PLAIN,
}
NATIVE_SETS = """set hosts { type ipv4_addr; flags interval; elements = { 10.1.0.0/26, 10.2.0.2-10.2.0.3 } }
set services { type ipv4_addr . inet_proto . inet_service; elements = { 10.2.0.2 . tcp . 80, 10.8.0.5 . udp . 53 } }
set wide { type ipv4_addr . inet_service; flags interval; elements = { 10.8.0.0/16 . 80-443, 10.2.0.0/24 . 53 } }
map fates { type ipv4_addr : verdict; flags interval; elements = { 10.8.0.0/16 : drop, 10.2.0.3 : jump own0 } }
map marks { type ifname : mark; elements = { "c0" : 0x1, "s0" : 0x10 } }"""
NATIVE_CHANGES = (
    "meta mark set 0x1",
    "meta mark set meta mark and 0xff or 0x10",
    "meta mark set meta mark xor 0x2",
    "ct mark set meta mark",
    "meta mark set ct mark",
    "meta mark set iifname map @marks",
    "notrack",
)
NATIVE: tuple[Callable[[Maker, str, str], str], ...] = (
    lambda maker, protocol, hook: f"ip saddr {maker.random.choice(('', '!= '))}{maker.random.choice(PREFIXES)}",
    lambda maker, protocol, hook: f"ip daddr {maker.random.choice(('', '!= '))}{maker.random.choice(PREFIXES)}",
    lambda maker, protocol, hook: f"ip daddr {maker.random.choice(('', '!= '))}@hosts",
    lambda maker, protocol, hook: "ip saddr { 10.1.0.0/26, 10.9.0.5, 10.2.0.1-10.2.0.9 }",
    lambda maker, protocol, hook: "ip saddr . ip daddr { 10.1.0.2 . 10.2.0.2, 10.1.0.0/24 . 10.8.0.0/16 }",
    lambda maker, protocol, hook: "ip saddr & 255.0.0.255 == 10.0.0.2",
    lambda maker, protocol, hook: "ip daddr . meta l4proto . th dport @services",
    lambda maker, protocol, hook: f"meta l4proto {protocol} ip daddr . th dport @wide",
    lambda maker, protocol, hook: f"{protocol} dport {maker.random.choice(PORTS)}",
    lambda maker, protocol, hook: f"{protocol} dport != {{ 53, 80-100 }}",
    lambda maker, protocol, hook: "tcp flags & (fin|syn|rst|ack) == syn",
    lambda maker, protocol, hook: "tcp flags syn",
    lambda maker, protocol, hook: "icmp type echo-request",
    lambda maker, protocol, hook: f"ip protocol {protocol}",
    lambda maker, protocol, hook: f"meta l4proto {{ icmp, {protocol} }}",
    lambda maker, protocol, hook: (
        f"iifname {maker.random.choice(('', '!= '))}{maker.random.choice(('c0', 's0', 'c*'))}"
    ),
    lambda maker, protocol, hook: (
        f"oifname {maker.random.choice(('', '!= '))}{maker.random.choice(('c0', 's0', 's*'))}"
    ),
    lambda maker, protocol, hook: "iifname { c0, lo }",
    lambda maker, protocol, hook: "meta iifkind veth" if hook in ("prerouting", "input", "forward") else "",
    lambda maker, protocol, hook: f"meta mark {maker.random.choice(('', '!= '))}{maker.random.choice(MARKS)}",
    lambda maker, protocol, hook: "meta mark & 0xff == 0x1",
    lambda maker, protocol, hook: "meta nfproto ipv4" if maker.family == "inet" else "",
    lambda maker, protocol, hook: (
        f"ct state {maker.random.choice(('new', 'established,related', 'invalid', 'untracked'))}"
    ),
    lambda maker, protocol, hook: "ct state { established, new }",
    lambda maker, protocol, hook: "ct state != new",
    lambda maker, protocol, hook: (
        "ct state vmap { invalid : drop, established : accept, new : jump own0 }" if hook else ""
    ),
    lambda maker, protocol, hook: f"ct status {maker.random.choice(('dnat', 'snat', 'seen-reply', 'confirmed'))}",
    lambda maker, protocol, hook: f"ct direction {maker.random.choice(('original', 'reply'))}",
    lambda maker, protocol, hook: "ct mark 0x1",
    lambda maker, protocol, hook: "ct original ip daddr 10.2.0.0/24",
    lambda maker, protocol, hook: f"fib daddr type {maker.random.choice(('local', 'unicast', '!= local'))}",
    lambda maker, protocol, hook: "fib saddr . iif oif missing" if hook in ("prerouting", "input", "forward") else "",
    lambda maker, protocol, hook: "ip daddr vmap @fates" if hook else "",
    lambda maker, protocol, hook: "limit rate 100000/second burst 10000 packets",
    lambda maker, protocol, hook: "ip ttl 64",
    lambda maker, protocol, hook: "meta length 36-39",
)
