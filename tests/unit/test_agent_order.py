"""The order of equal routes, against a small model of how the kernel inserts and deletes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hostgw.agent import change_route
from hostgw.agent.change_chain import _edits
from hostgw.agent.change_route import DELETE, PREPEND, steps
from hostgw.agent.watch import _moved

Row = dict[str, Any]


def row(**fields: Any) -> Row:
    plain: Row = {
        "dst": "10.1.0.0/16",
        "table": 254,
        "type": "unicast",
        "gateway": "",
        "oif": 2,
        "metric": 0,
        "protocol": "boot",
        "scope": "global",
        "src": "",
        "tos": 0,
        "flags": [],
        "nexthops": [],
        "nexthop_id": 0,
        "metrics": {},
        "position": 0,
        "via": "",
    }
    return {**plain, **fields}


def hop(gateway: str, weight: int = 1) -> Row:
    return {"oif": 2, "gateway": gateway, "weight": weight, "flags": []}


class Kernel:
    """The list of one prefix, as fib_table_insert and fib_table_delete keep it."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows: list[Row] = []
        for each in rows:
            self.add(each, behind=True)

    def add(self, new: Row, behind: bool) -> None:
        assert change_route._core(new) not in [change_route._core(each) for each in self.rows], "EEXIST"
        slot = change_route._slot(new)
        before = [each for each in self.rows if change_route._slot(each) < slot]
        equal = [each for each in self.rows if change_route._slot(each) == slot]
        after = [each for each in self.rows if change_route._slot(each) > slot]
        self.rows = before + ([*equal, new] if behind else [new, *equal]) + after

    def delete(self, wanted: Row) -> None:
        for place, each in enumerate(self.rows):
            if change_route.may_hit(wanted, each):
                del self.rows[place]
                return
        raise AssertionError("ESRCH")

    def do(self, verb: str, each: Row) -> None:
        self.delete(each) if verb == DELETE else self.add(each, verb != PREPEND)


GATEWAYS = st.sampled_from(["10.9.0.2", "10.9.0.3"])
ROWS = st.builds(
    row,
    gateway=GATEWAYS,
    metric=st.sampled_from([0, 0, 0, 5]),
    tos=st.sampled_from([0, 0, 16]),
    src=st.sampled_from(["", "10.9.0.1"]),
    metrics=st.sampled_from([{}, {"mtu": 1400}, {"mtu": 1400, "advmss": 1300}]),
    protocol=st.sampled_from(["boot", "static"]),
)
MULTIPATH = st.builds(
    lambda first, second: row(oif=0, nexthops=[hop(first, 2), hop(second)]),
    GATEWAYS,
    GATEWAYS,
)
LISTS = st.lists(ROWS | MULTIPATH, max_size=7, unique_by=lambda each: str(sorted(each.items(), key=str)))


@given(LISTS, LISTS, st.data())
@settings(max_examples=600, deadline=None)
def test_the_kernel_ends_up_with_what_is_wanted(before: list[Row], after: list[Row], data: st.DataObject) -> None:
    mixed = [each for each in before if data.draw(st.booleans())] + after
    wanted = list({str(sorted(each.items(), key=str)): each for each in mixed}.values())
    wanted = data.draw(st.permutations(wanted))
    kernel = Kernel(before)
    assert change_route.same(kernel.rows, before)
    for verb, each in steps(kernel.rows, wanted):
        kernel.do(verb, each)
    assert change_route.same(kernel.rows, wanted)
    for verb, each in steps(kernel.rows, before):
        kernel.do(verb, each)
    assert change_route.same(kernel.rows, before)


def test_what_may_stay_stays() -> None:
    bad, good = row(gateway="10.9.0.3"), row(gateway="10.9.0.2", protocol="static")
    assert steps([good], [bad, good]) == [(PREPEND, bad)]
    assert steps([bad, good], [good]) == [(DELETE, bad)]
    assert steps([good], [good, bad]) == [("append", bad)]
    assert steps([good], [good]) == []


def test_a_route_without_source_does_not_take_one_with_a_source_along() -> None:
    sourced, plain = row(gateway="10.9.0.2", src="10.9.0.1"), row(gateway="10.9.0.2")
    assert steps([sourced, plain], [sourced]) == [(DELETE, sourced), (DELETE, plain), ("append", sourced)]


RULES = st.lists(
    st.sampled_from([f"-A FORWARD -s 10.{n}.0.0/16 -j ACCEPT" for n in range(6)] + ["-A FORWARD"]), max_size=9
)


@given(RULES, RULES)
@settings(max_examples=300, deadline=None)
def test_edits_of_a_chain(before: list[str], after: list[str]) -> None:
    chain = list(before)
    for edit in _edits("FORWARD", before, after):
        verb, _, place, *rest = edit.split(" ", 3)
        if verb == "-D":
            del chain[int(place) - 1]
        else:
            chain.insert(int(place) - 1, " ".join(["-A FORWARD", *(word for word in rest if word)]))
    assert chain == after


def test_a_long_chain_is_compared_quickly() -> None:
    before = [f"-A KUBE -s 10.0.{n // 250}.{n % 250}/32 -j ACCEPT" for n in range(20_000)]
    after = [*before[:9000], "-A KUBE -j DROP", *before[9000:]]
    assert list(_edits("KUBE", before, after)) == ["-I KUBE 9001 -j DROP"]


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_a_moved_row_is_noticed(known: list[int], fresh: list[int]) -> None:
    patched = {key: 0 for key in known if key in fresh} | dict.fromkeys(fresh, 0)
    assert _moved([(key,) for key in known], [(key,) for key in fresh]) == (list(patched) != fresh)
