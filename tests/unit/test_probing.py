"""Active checks without packets: what is probed, what the answers mean, which findings they join."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from hostgw.checks.run import run
from hostgw.errors import HostgwError
from hostgw.fabric import Fabric, Sample
from hostgw.live.volley import Answered, Shot, volley
from hostgw.mesh.build import build
from hostgw.model.finding import Finding, listed
from hostgw.model.host import Facts
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Address, Link, Route, Rule, Sysctl
from hostgw.model.probe import Claims, Place, ProbeResult, Probes
from hostgw.probing.choose import Choice, choose
from hostgw.probing.sightings import observed
from hostgw.probing.sizes import ROUNDS, SMALL, Search, tried
from hostgw.probing.verdict import Verdict, hops, line, verdict
from hostgw.wire import Probe, ProbeAnswer, ProbeReply, Reply, Section, Sighting
from tests.fabrics import NIC, altered, healthy, routes

C1, C2, C3 = (Place(f"vm{n}", 1, "c1", f"10.239.{n - 1}.2") for n in (1, 2, 3))
GATEWAY = Place("vm2", 0, "", "10.239.1.1")


def chosen(fabric: Fabric, limit: int | None = None) -> Choice:
    return choose(fabric, build(fabric), limit, Random(1))


def hosts(choice: Choice) -> list[tuple[str, str]]:
    return [(a.host, b.host) for a, b in choice.pairs if a.host != b.host]


# ---- what to send ----


def test_of_few_hosts_each_is_probed_from_each() -> None:
    choice = chosen(healthy(3))
    assert len(hosts(choice)) == 6
    assert choice.pairs[0] == (C1, C2)
    assert [(str(a), str(b)) for a, b in choice.pairs[6:]] == [(f"c1 on vm{n}", f"vm{n} itself") for n in (1, 2, 3)]
    assert [(a.prober, a.owner, a.address) for a in choice.askings] == [
        ("vm2", "vm1", "10.5.7.60"), ("vm3", "vm2", "10.5.7.61"), ("vm1", "vm3", "10.5.7.62"),
    ]  # fmt: skip
    assert len(hosts(chosen(healthy(3), 2))) == 2


@pytest.mark.parametrize(("count", "pairs"), [(5, 20), (16, 64), (80, 80)])
def test_of_many_each_sends_and_is_sent_to(count: int, pairs: int) -> None:
    found = hosts(chosen(healthy(count, 1)))
    assert len(found) == len(set(found)) == pairs
    assert {a for a, _ in found} == {b for _, b in found} == {f"vm{n}" for n in range(1, count + 1)}


def test_hosts_without_containers_probe_from_their_bridge() -> None:
    choice = chosen(healthy(2, 0))
    assert [str(place) for place in choice.places] == ["vm1 itself", "vm2 itself"]
    assert choice.pairs[0][0].address == "10.239.0.1"
    bare = altered(healthy(2, 0), "vm1", Section.ADDRESSES, lambda rows: [r for r in rows if "10.239" not in str(r)])
    assert hosts(chosen(bare)) == []


def test_who_cannot_send_is_told() -> None:
    fabric = healthy(3)
    stale = replace(fabric.hosts["vm2"], state=HostState.STALE)
    snapshot = fabric.hosts["vm3"].snapshot
    assert snapshot is not None
    guest = replace(fabric.hosts["vm3"], snapshot=replace(snapshot, facts=_facts(fabric, uid=1000)))
    choice = chosen(fabric.with_host(stale).with_host(guest))
    assert (choice.skipped, hosts(choice)) == (
        ("vm2 was not probed: it is not connected", "vm3 was not probed: not root there"), [],
    )  # fmt: skip
    assert chosen(Fabric()) == Choice()


def _facts(fabric: Fabric, uid: int) -> Facts:
    snapshot = fabric.hosts["vm3"].snapshot
    assert snapshot is not None
    return structs.replace(snapshot.facts, uid=uid)


def test_a_container_whose_address_is_not_of_the_subnet_is_passed_over() -> None:
    foreign = altered(healthy(2), "vm1", Section.ADDRESSES, lambda _: [Address(2, "172.20.0.5", 16)], ns=1)
    assert next(place for place in chosen(foreign).places if place.host == "vm1").name == "c2"
    down = altered(healthy(2), "vm1", Section.LINKS, lambda _: [Link(2, "eth0", "veth")], ns=1)
    assert next(place for place in chosen(down).places if place.host == "vm1").name == "c2"


@given(st.integers(SMALL, 8999), st.integers(600, 9000))
def test_the_largest_size_is_found_in_few_rounds(true: int, fails: int) -> None:
    search, rounds = Search(SMALL, fails), 0
    true = min(true, fails - 1)
    while not search.over:
        search = search.learnt([size for size in search.sizes if size <= true])
        rounds += 1
    assert search.passes == true
    assert rounds <= ROUNDS


def test_what_size_is_tried() -> None:
    assert [tried(mtu) for mtu in (0, 576, 1450, 1500, 65535)] == [0, 0, 1450, 1500, 9000]


def answering(fired: list[str]):  # type: ignore[no-untyped-def]
    def ask(host: str, make, timeout: float) -> Future[Reply]:  # type: ignore[no-untyped-def]
        future: Future[Reply] = Future()
        request = make(7)
        assert isinstance(request, Probe)
        fired.append(f"{host} {request.ns} {request.destination}")
        if host == "vm3":
            future.set_exception(HostgwError("connection lost", "", "", host))
        else:
            future.set_result(ProbeReply(7, (ProbeAnswer(1, "reply", request.destination, 62, 5),)))
        return future

    return ask


def test_a_volley_answers_for_each_probe() -> None:
    fired: list[str] = []
    shots = [Shot(1, C1, C2), Shot(2, C3, C2)] + [Shot(n, C1, C3) for n in range(3, 200)]
    found = volley(shots, answering(fired), 1e18)
    assert len(found) == len(fired) == 199
    assert (found[1].replies[0].ttl, "connection lost" in found[2].error) == (62, True)
    assert volley(shots[:1], answering(fired), 0.0)[1].error == "no time was left"
    assert len(fired) == 199


def test_who_refused_and_why() -> None:
    said = [
        (ProbeAnswer(1, "unreachable", "10.5.7.61", 63, 1, 1), "10.5.7.61 says unreachable (host)"),
        (ProbeAnswer(1, "unreachable", "", 0, 1, 101), "the sender cannot send it: Network is unreachable"),
        (ProbeAnswer(1, "time-exceeded", "10.5.7.62", 63, 1, 0), "10.5.7.62 says time-exceeded"),
        (ProbeAnswer(1, "timeout"), ""),
    ]
    assert [Answered((answer,)).refused for answer, _ in said] == [text for _, text in said]


# ---- what the answers mean ----


def result(source: Place = C1, destination: Place = C2, **fields: object) -> ProbeResult:
    usual = {"sent": 3, "received": 3, "ttl": 62, "observed_source": source.address, "observed_ttl": 62}
    return ProbeResult(source, destination, **{**usual, **fields})  # type: ignore[arg-type]


SILENT = {"received": 0, "ttl": 0, "observed_source": "", "observed_ttl": 0}


@pytest.mark.parametrize(
    ("fields", "wanted", "text"),
    [
        ({}, Verdict.ANSWERED, "answered"),
        (SILENT, Verdict.UNANSWERED, "no reply (3 sent)"),
        ({**SILENT, "refused": "x"}, Verdict.UNANSWERED, "no reply (3 sent), x"),
        ({**SILENT, "sent": 0, "error": "c1 on vm1 is gone"}, Verdict.NOT_SENT, "not sent: c1 on vm1 is gone"),
        ({"received": 2}, Verdict.PARTLY_ANSWERED, "2 of 3 answered"),
        ({"ttl": 61}, Verdict.DETOUR, "reply TTL 61: one more hop than expected"),
        ({"ttl": 253}, Verdict.ANSWERED, "answered"),
        ({"observed_ttl": 60}, Verdict.DETOUR, "request TTL 60: 2 more hops than expected"),
        ({"observed_source": "10.5.7.60"}, Verdict.SOURCE_REWRITTEN, "its source is 10.5.7.60 there, not 10.239.0.2"),
        ({"size": 1500, "largest": 1500}, Verdict.ANSWERED, "answered"),
        ({"size": 1500, "largest": 1400}, Verdict.LARGE_VANISH, "packets of 1500 bytes vanish, at most 1400 pass"),
        ({"size": 1500, "largest": 0, "too_big": "10.5.7.60 says unreachable"}, Verdict.ANSWERED, "answered"),
    ],
)
def test_verdicts(fields: dict[str, object], wanted: Verdict, text: str) -> None:
    made = result(**fields)
    assert (verdict(made), line(made)) == (wanted, f"probe c1 on vm1 -> c1 on vm2: {text}")


def test_hops_by_where_it_ends() -> None:
    assert [hops(ttl) for ttl in (64, 62, 128, 126, 255, 250)] == [0, 2, 0, 2, 0, 5]
    itself = Place("vm1", 0, "", "10.239.0.1")
    assert verdict(result(itself, C2, ttl=63, observed_ttl=63, observed_source="10.239.0.1")) is Verdict.ANSWERED
    assert verdict(result(C2, GATEWAY, ttl=64, observed_ttl=64)) is Verdict.ANSWERED
    assert "its own gateway" in line(result(C2, GATEWAY, **SILENT))


def test_sightings_are_put_along_the_way() -> None:
    def seen(device: str, outbound: bool, ttl: int, source: str = "10.239.0.2", reply: bool = False) -> Sighting:
        return Sighting(1, reply, device, outbound, source, C2.address, ttl)

    made = observed(
        result(**SILENT),
        {
            ("vm2", 1): (seen("eth0", False, 62, "10.5.7.60"),),
            ("vm1", 0): (seen("br0", False, 64), seen("eth0", True, 63, "10.5.7.60")),
            ("vm1", 1): (seen("eth0", True, 64), seen("eth0", False, 62, reply=True)),
            ("vm2", 0): (seen("eth0", False, 63), seen("br0", True, 62)),
        },
    )
    way = ("c1 on vm1 eth0", "vm1 br0", "vm1 eth0", "vm2 eth0", "vm2 br0", "c1 on vm2 eth0")
    assert (made.observed_source, made.observed_ttl, made.requested_at) == ("10.5.7.60", 62, way)
    assert made.replied_at == ("c1 on vm1 eth0",)


# ---- what findings come of it ----


def judged(fabric: Fabric, *results: ProbeResult, claims: tuple[Claims, ...] = ()) -> tuple[Finding, ...]:
    probed = replace(fabric, probes=Probes(results, claims))
    return listed(run(probed, build(probed)))


def ids(findings: tuple[Finding, ...]) -> list[str]:
    return sorted(found.id for found in findings)


def off(fabric: Fabric, name: str) -> Fabric:
    return altered(fabric, name, Section.SYSCTLS, lambda _: [Sysctl("net/ipv4/ip_forward", "0")])


def test_what_is_answered_is_no_finding() -> None:
    assert judged(healthy(), result(), result(C2, GATEWAY, ttl=64, observed_ttl=64)) == ()
    assert judged(healthy(), result(received=1), result(error="gone", **{**SILENT, "sent": 0})) == ()


def test_an_unanswered_probe_joins_the_finding_that_explains_it() -> None:
    (found,) = judged(off(healthy(), "vm2"), result(**SILENT), result(C2, C3, **SILENT))
    assert found.id == "forwarding-off/vm2/net.ipv4.ip_forward"
    assert found.evidence[-2:] == (
        "probe c1 on vm1 -> c1 on vm2: no reply (3 sent)", "probe c1 on vm2 -> c1 on vm3: no reply (3 sent)",
    )  # fmt: skip


def test_what_nothing_explains_is_a_finding_of_its_own() -> None:
    elsewhere = off(healthy(), "vm3")
    assert ids(judged(elsewhere, result(**SILENT))) == [
        "forwarding-off/vm3/net.ipv4.ip_forward", "probe-unanswered/vm1/10.239.0.2",
    ]  # fmt: skip
    other = routes(healthy(), "vm1", lambda rows: [r for r in rows if r.dst != "10.239.2.0/24"])
    assert "probe-unanswered/vm1/10.239.0.2" in ids(judged(other, result(**SILENT)))
    right = routes(healthy(), "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])
    assert ids(judged(right, result(**SILENT))) == ["route-missing/vm1/10.239.1.0/24"]


def test_a_rule_that_diverts_replies_explains_the_gateways_silence_alone() -> None:
    """A table with every route but the own subnet's: the host's replies to its containers leave by the default."""
    held = (("0.0.0.0/0", "10.5.7.1"), ("10.239.0.0/24", "10.5.7.60"), ("10.239.2.0/24", "10.5.7.62"))
    fabric = routes(healthy(), "vm2", lambda rows: [*rows, *(Route(d, 100, gateway=g, oif=NIC) for d, g in held)])
    fabric = altered(fabric, "vm2", Section.RULES, lambda rows: [*rows, Rule(1000, 100, src="10.239.1.0/24")])
    assert ids(judged(fabric, result(C2, GATEWAY, **SILENT))) == ["rule-diverts-subnet/vm2/10.239.1.0/24"]
    assert "probe-unanswered/vm1/10.239.0.2" in ids(judged(fabric, result(**SILENT)))


def test_one_place_with_many_unanswered_probes_is_one_finding() -> None:
    fabric = healthy()
    samples = (Sample(0.0, {"IpInDiscards": 1}, {}), Sample(2.0, {"IpInDiscards": 4}, {}))
    fabric = fabric.with_host(replace(fabric.hosts["vm2"], samples=samples))
    silent = [result(a, b, **SILENT) for a, b in ((C1, C2), (C2, C1), (C2, C3), (C3, C2), (C2, GATEWAY))]
    (found,) = judged(fabric, *silent, result(C1, C3))
    assert found.id == "probe-unanswered/vm2/10.239.1.2"
    assert "c1 on vm2 and c1 on vm1, c1 on vm3, its own gateway" in found.summary
    assert "vm2 counted in 2.0 s: IpInDiscards +3" in found.evidence


def test_the_end_that_saw_it_last_is_blamed() -> None:
    there = result(**{**SILENT, "requested_at": ("vm1 br0", "vm1 eth0", "vm2 eth0")})
    (found,) = judged(healthy(), there)
    assert found.id == "probe-unanswered/vm2/10.239.1.2"
    assert "  the request was last seen at vm2 eth0, no reply was seen" in found.evidence


def test_another_containers_fault_explains_nothing() -> None:
    """The veth of c2 is in no bridge, c1 is probed."""

    def nomaster(rows):  # type: ignore[no-untyped-def]
        return [structs.replace(r, master=0) if r.name == "veth-c2" else r for r in rows]

    fabric = altered(healthy(), "vm2", Section.LINKS, nomaster)
    assert ids(judged(fabric, result(**SILENT))) == ["port-detached/vm2/veth-c2", "probe-unanswered/vm1/10.239.0.2"]
    second = replace(C2, ns=2, name="c2", address="10.239.1.3")
    assert ids(judged(fabric, result(C1, second, **SILENT))) == ["port-detached/vm2/veth-c2"]


def test_a_detour_is_evidence_each_way() -> None:
    def wrong(rows):  # type: ignore[no-untyped-def]
        return [structs.replace(r, gateway="10.5.7.62") if r.dst == "10.239.1.0/24" else r for r in rows]

    there, back = result(observed_ttl=61), result(C2, C1, ttl=61)
    (found,) = judged(routes(healthy(), "vm1", wrong), there, back)
    assert found.code == "route-wrong-next-hop"
    assert found.evidence[-2:] == (
        "probe c1 on vm1 -> c1 on vm2: request TTL 61: one more hop than expected",
        "probe c1 on vm2 -> c1 on vm1: reply TTL 61: one more hop than expected",
    )
    assert judged(healthy(), there, back) == ()


LOST = {"size": 1500, "largest": 1400}


def test_large_packets_that_vanish() -> None:
    """U7: the host that the pairs have in common; all pairs: one finding."""
    lost = [result(a, b, **LOST) for a, b in ((C1, C2), (C2, C1), (C2, C3), (C3, C2))]
    fine = [result(a, b, size=1500, largest=1500) for a, b in ((C1, C3), (C3, C1))]
    (found,) = judged(healthy(), *lost, *fine)
    assert found.id == "mtu-path-small/vm2/10.239.1.0/24"
    assert found.summary == "packets of 1500 bytes between vm2 and vm1, vm3 vanish; at most 1400 bytes pass"
    everywhere = [replace(each, largest=1400) for each in (*lost, *fine)]
    assert [f.code for f in judged(healthy(), *everywhere)] == ["mtu-path-small"]
    assert judged(healthy(), replace(lost[0], too_big="10.5.7.60 says so")) == ()


MAC, OTHER = "02:00:00:00:00:02", "02:00:00:00:00:99"


@pytest.mark.parametrize(
    ("macs", "found"),
    [
        ((MAC,), []),
        ((OTHER,), []),  # a cloud's router answers for everybody
        ((), []),
        ((MAC, "02:00:00:00:01:02"), []),  # two devices of the owner: another matter
        ((MAC, OTHER), ["address-duplicate/vm2/10.5.7.61"]),
    ],
)
def test_two_answers_for_one_address(macs: tuple[str, ...], found: list[str]) -> None:
    """A7."""
    claims = (Claims("vm3", "vm2", "10.5.7.61", macs),)
    assert ids(judged(healthy(), claims=claims)) == found
    if found:
        assert ids(judged(healthy(), result(**SILENT), claims=claims)) == found


def test_what_a_second_machine_with_the_address_takes_is_explained_by_it() -> None:
    claims = (Claims("vm3", "vm2", "10.5.7.61", (MAC, OTHER)),)
    lost = [result(C2, C3, **LOST), result(C1, C3, size=1500, largest=1500)]
    found = {f.code: f for f in judged(healthy(), *lost, claims=claims)}
    assert found["mtu-path-small"].caused_by == (found["address-duplicate"].id,)
    elsewhere = [result(C1, C3, **LOST), result(C2, C3, size=1500, largest=1500)]
    assert {f.code: f.caused_by for f in judged(healthy(), *elsewhere, claims=claims)}["mtu-path-small"] == ()
