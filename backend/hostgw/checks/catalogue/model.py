"""What the catalogue says of a failure mode and of a code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from hostgw.model.finding import Severity


class FixClass(IntEnum):
    """How safe a fix by one key is."""

    SAFE = 1
    """One key, reversible."""
    OWNED = 2
    """One key, but another program may own the object: it is named, and the fix confirmed."""
    ADVICE = 3
    """Told, not done."""


class Tested(StrEnum):
    """How an entry is decided, and what holds the decision to the truth."""

    LAB = "lab"
    """Detected; a fault of the lab and a test on real hosts show it."""
    STATE = "state"
    """Detected; a namespace cannot hold it, so a test judges recorded state."""
    TOLD = "told"
    """Not detected by itself: a related finding, its preview or `explain` tells it."""
    REFUSED = "refused"
    """Not detected, for the reason given."""


ERROR, WARNING, NOTICE = Severity.ERROR, Severity.WARNING, Severity.NOTICE
SAFE, OWNED, ADVICE = FixClass.SAFE, FixClass.OWNED, FixClass.ADVICE
LAB, STATE, TOLD, REFUSED = Tested.LAB, Tested.STATE, Tested.TOLD, Tested.REFUSED


@dataclass(frozen=True, slots=True)
class Entry:
    """One way in which a host-gw network breaks, and what is done about it."""

    id: str
    """R1, N3, ..."""
    code: str
    """Code of the findings that name it; empty where none does."""
    severity: Severity
    fix_class: FixClass
    tested: Tested
    symptom: str
    """What a user sees."""
    detect: str
    """From which kernel state it is told."""
    fix: str
    """What mends it; words in capitals stand for values, see `PLACEHOLDERS`."""
    sources: str
    """Public issues, pages of manuals, or where it was reproduced."""
    beware: str = ""
    """What is often mistaken."""
    reason: str = ""
    """Why it is only told, or refused."""


@dataclass(frozen=True, slots=True)
class Code:
    """What is the same for every finding of a code."""

    name: str
    subject: str
    """What the subject of such a finding is: prefix, interface, container, host, sysctl, chain, ..."""
    title: str
    severity: Severity | None = None
    """Set where the code is milder than its entry."""
    entry: str = ""
    """The entry that its findings name, where no entry has this code."""


CLASS_WORDS = {
    FixClass.SAFE: "class 1: one key, can be undone",
    FixClass.OWNED: "class 2: another program may own this object and put it back",
    FixClass.ADVICE: "class 3: advice only, nothing is done by a key",
}
PLACEHOLDERS = {
    "SUBNET": "the container subnet concerned",
    "OWNER": "the underlay address of the host that owns the subnet",
    "NIC": "the underlay NIC, the one on the segment that the hosts share",
    "WRONG_NIC": "the device that the route names now",
    "NETWORK": "the range that all container subnets come from",
    "SEGMENT": "the prefix that the hosts share",
    "BRIDGE": "the bridge that holds the containers' gateway address",
    "PORT": "the host's end of the container's veth",
    "NEXT_HOP": "the next hop that the route names now",
    "GATEWAY": "the containers' gateway, which is the bridge's address",
    "OLD_ADDRESS": "the address that the owner had before",
    "LONGER_PREFIX": "the prefix inside the subnet that leads elsewhere",
    "ADDRESS": "the address concerned",
    "LENGTH": "the right prefix length",
    "WIDE": "the prefix length that is too wide",
    "MAC": "a MAC address that no other device has",
    "MTU": "the MTU that the whole path carries",
    "INTERFACE": "the device concerned",
    "TYPE": "the type of the route: blackhole, unreachable or prohibit",
    "METRIC": "the metric of the wrong route",
    "TABLE": "the table concerned",
    "PREF": "the number of the policy rule",
    "SOURCE": "the container that sends",
    "DESTINATION": "the container that is sent to",
    "NUMBER": "the place of the rule in its chain",
    "VALUE": "a larger value than now",
    "NAMESPACE": "the container's network namespace, a path that nsenter takes",
    "NAME": "the name of the container network",
    "ID": "the id of the object",
}
"""What the words in capitals stand for in the commands of `Entry.fix` and `Entry.detect`."""
