"""What screens are made of, without a screen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from hostgw.capture.journeys import Verdict
from hostgw.checks.catalogue import FixClass
from hostgw.checks.run import run
from hostgw.checks.standing import Standing
from hostgw.fabric import Fabric
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.finding import Finding, Severity
from hostgw.model.host_state import HostState
from hostgw.model.iptables import parse_rule
from hostgw.model.kernel import ConntrackEntry
from hostgw.plans.build import plan
from hostgw.plans.model import Command, Outcome, Plan, Result
from hostgw.wire import ProbeAnswer, ProbeReply
from hostgw_tui.fix.rows import can_apply, commands_text, outcome_lines, plan_lines
from hostgw_tui.help.rows import MEANINGS, help_lines
from hostgw_tui.host.rates import PAST, Rates, bars, count, size
from hostgw_tui.host.rows import link_rows, setting_rows, totals, tree_rows
from hostgw_tui.look import STANDINGS, STATES, Part, Row, Tone, line, lines_text, plain
from hostgw_tui.nat.rows import case_rows, flow_rows, rule_rows
from hostgw_tui.nat.words import meaning
from hostgw_tui.overview.matrix import MatrixRows
from hostgw_tui.overview.rows import age_text, finding_rows, host_lines, host_rows, no_findings
from hostgw_tui.packets.rows import VERDICTS, probe_lines
from hostgw_tui.routes.rows import route_rows, subject_of
from hostgw_tui.widgets.layout import Column, clipped, fitted, measure, wrapped
from hostgw_tui.widgets.states import freshness
from hostgw_tui.widgets.topbar import summary
from tests.fabrics import healthy
from tests.tui.fake import CLOCK, broken, connecting, counters, many_faults, one_missing, settled


def view_of(fabric: Fabric) -> View:
    mesh = build(fabric)
    return View(fabric, mesh, run(fabric, mesh), 1)


def texts(rows: list[Row]) -> list[str]:
    return ["  ".join(plain(cell) for cell in row.cells) for row in rows]


def test_every_verdict_has_glyph_word_and_tone() -> None:
    assert set(STANDINGS) == set(Standing)
    assert set(STATES) == set(HostState)
    assert set(VERDICTS) == set(Verdict)
    assert set(MEANINGS) == {standing.value for standing in Standing}
    for table in (STANDINGS, STATES, VERDICTS):
        assert all(sign.glyph.strip() and sign.word for sign in table.values())  # type: ignore[attr-defined]


def test_verdicts_are_found_without_colour() -> None:
    view = view_of(many_faults())
    text = "\n".join(texts(list(MatrixRows(view))))
    for word in ("missing", "wrong", "shadowed", "own", "ok"):
        assert word in text


def test_hosts_tell_state_and_reason() -> None:
    rows = texts(host_rows(view_of(broken()), CLOCK))
    assert "● up" in rows[0]
    assert "~ stale" in rows[1]
    assert "75s" in rows[1]
    assert "✗ unreachable" in rows[2]
    assert "? unknown" in rows[2]
    assert "no route to host" in rows[2]
    assert "✗ key-changed" in rows[3]


def test_the_mesh_claims_nothing_good_of_a_host_that_is_not_up() -> None:
    fabric = many_faults()
    fabric = fabric.with_host(replace(fabric.hosts["vm1"], state=HostState.UNREACHABLE, error="no route to host"))
    row = texts(list(MatrixRows(view_of(fabric))))[0]
    assert "✓" not in row
    assert "? unknown" in row
    assert "~ missing" in row


@pytest.mark.parametrize(
    ("fabric", "words"),
    [
        (Fabric(), "There are no hosts yet"),
        (connecting(), "Connecting"),
        (broken(), "Not known: vm2, vm3, vm4"),
        (settled(healthy()), "Healthy"),
    ],
)
def test_an_empty_list_says_why(fabric: Fabric, words: str) -> None:
    assert words in lines_text(no_findings(view_of(fabric), CLOCK))


def test_effects_stand_below_their_cause() -> None:
    root = Finding("bridge-down", "L2", Severity.ERROR, "vm1", "br0", "the bridge is down", "")
    effect = Finding("subnet-unrouted", "R22", Severity.ERROR, "vm1", "p", "no route", "", (), (root.id,))
    other = Finding("forwarding-off", "F1", Severity.ERROR, "vm2", "s", "does not forward", "")
    rows = texts(finding_rows(View(findings=(root, other, effect))))
    assert [("└ " in row) for row in rows] == [False, True, False]


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "now"), (5, "5s"), (119, "119s"), (180, "3m"), (7300, "2h")])
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_when_a_host_was_heard_is_a_sentence() -> None:
    view = view_of(broken())
    assert "last heard 75s ago" in lines_text(host_lines(view.fabric.hosts["vm2"], view, CLOCK))
    assert "last heard just now" in lines_text(host_lines(view.fabric.hosts["vm1"], view, CLOCK))


def test_tree_goes_from_host_to_container() -> None:
    view = view_of(settled(healthy()))
    rows = texts(tree_rows(view.fabric.hosts["vm1"], view))
    assert [row.split("  ")[0].strip() for row in rows[:2]] == ["├─ eth0", "├─ br0"]
    assert "underlay" in rows[0]
    assert "bridge of 10.239.0.0/24" in rows[1]
    assert rows[3].startswith("│  │  └─ c1 eth0")
    assert "10.239.0.2/24" in rows[3]


def test_rates_need_two_samples() -> None:
    rates = Rates()
    one, two = counters(settled(healthy()), 1000).hosts["vm1"], counters(settled(healthy()), 1500).hosts["vm1"]
    rates.observe("vm1", 10.0, totals(one))
    assert "…" in texts(link_rows(one, rates))[0]
    rates.observe("vm1", 12.0, totals(two))
    assert "250  24.4K  500" in texts(link_rows(two, rates))[0]
    rates.observe("vm2", 13.0, totals(one))
    assert rates.per_second(2) is None
    rates.observe("vm2", 14.0, {2: (0, 0, 0, 0)})
    assert rates.per_second(2) is None


def test_the_last_half_minute_is_kept() -> None:
    rates = Rates()
    for second in range(50):
        rates.observe("vm1", float(second), {1: (0, second * 100, 0, 0)})
    assert rates.recent(1, 1) == (100.0,) * (PAST - 1)
    assert rates.recent(1, 0) == (0.0,) * (PAST - 1)
    assert rates.recent(7, 0) == ()
    rates.observe("vm1", 20.0, {1: (0, 0, 0, 0)})  # a recording went back
    assert rates.recent(1, 1) == ()
    rates.observe("vm2", 51.0, {1: (0, 0, 0, 0)})
    assert rates.recent(1, 1) == ()


def test_rates_as_bars() -> None:
    assert bars((0, 0, 0), 8) == "▁▁▁"
    assert bars((0, 1, 8), 8) == "▁▃█"
    assert bars((5, 5, 5), 2) == "██"
    assert bars((-5, 10), 8) == "▁█"  # counters that began anew
    assert bars((), 8) == ""


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999, "999"), (1500, "1.5k"), (2_500_000, "2.5M"), (0.4, "0.4")])
def test_counts(value: float, text: str) -> None:
    assert count(value) == text
    assert size(2048) == "2.0K"


def test_settings_in_words_bad_ones_first() -> None:
    rows = texts(setting_rows(many_faults().hosts["vm4"]))
    assert "ip_forward  0  does not route" in rows[0]


def test_routes_expected_first_then_others_then_rules() -> None:
    view = view_of(many_faults())
    rows = route_rows(view.fabric.hosts["vm2"], view)
    lines = texts(rows)
    assert lines[0] == "expected of vm2: 1 of 4 are not right"
    assert any("≠ wrong" in text and "via 10.5.7.63 dev eth0  not via 10.5.7.62" in text for text in lines)
    assert any("✗ stale" in text for text in lines)
    assert lines[-1].endswith("lookup default")
    assert subject_of(rows[1]).endswith("/24")
    assert subject_of(rows[-1]) == ""


RULES = [
    ("-A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN", "container to container: source is kept"),
    ("-A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j ACCEPT", "container to container: source is kept"),
    ("-A POSTROUTING -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully", "container to outside: SNAT"),
    ("-A POSTROUTING ! -s 10.239.0.0/16 -d 10.239.0.0/24 -j RETURN", "outside to own containers: source is kept"),
    ("-A POSTROUTING ! -s 10.239.0.0/16 -d 10.239.1.0/24 -j RETURN", "leave this chain, not from 10.239.0.0/16"),
    ("-A POSTROUTING ! -s 10.239.0.0/16 -d 10.239.0.0/16 -j MASQUERADE", "through this host: SNAT"),
    ("-A FORWARD -j DOCKER-USER", "your own rules, before Docker's"),
    ("-A POSTROUTING -m comment --comment flanneld -j FLANNEL-POSTRTG", "flannel: SNAT"),
    ("-A FORWARD -i br0 -p tcp -m tcp --dport 80 -j DROP", "drop, in by br0, tcp, to port 80"),
    ("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "let pass, state RELATED,ESTABLISHED"),
    ("-A X -d 10.0.0.1/32 -j DNAT --to-destination 10.239.0.2:80", "DNAT to 10.239.0.2:80, to 10.0.0.1/32"),
    ("-A X -m strange --odd 1", "count only, odd 1"),
    ("-A X", "count only"),
]


@pytest.mark.parametrize(("rule", "words"), RULES)
def test_rules_in_words(rule: str, words: str) -> None:
    assert words in meaning(parse_rule(rule), view_of(settled(healthy())).mesh, "vm1")


def test_nat_of_a_healthy_host() -> None:
    view = view_of(settled(healthy(6)))
    host = view.fabric.hosts["vm1"]
    cases = texts(case_rows(host, view))
    assert len(cases) == 4
    assert "container to outside  ⇄ SNAT  rule 2 of POSTROUTING" in cases[0]
    assert any("containers of vm2, vm3, vm4 and 2 more  ✓ source kept  rule 1" in text for text in cases)
    rules = texts(rule_rows(host, view.mesh, Rates(), with_filter=True))
    assert rules[0] == "nat POSTROUTING (nft), policy ACCEPT"
    assert "1  5  420B" in rules[1]


def test_tracked_flows_show_the_snat_pair() -> None:
    entry = ConntrackEntry("tcp", "10.239.0.2", "1.1.1.1", "1.1.1.1", "10.5.7.60", 5000, 80, 80, 61000, "ESTABLISHED")
    assert "10.239.0.2:5000 → 1.1.1.1:80  SNAT 10.5.7.60:61000" in texts(flow_rows([entry]))[0]
    plain_flow = replace_flow(entry, reply_destination="10.239.0.2", reply_destination_port=5000)
    assert "  none  " in texts(flow_rows([plain_flow]))[0]


def replace_flow(entry: ConntrackEntry, **changes: object) -> ConntrackEntry:
    import msgspec

    return msgspec.structs.replace(entry, **changes)


def test_preview_shows_all_that_decides() -> None:
    view = view_of(one_missing())
    made = plan(view.listed, view.fabric, view.mesh)
    text = lines_text(plan_lines(made))
    for words in ("now     (none)", "wanted  10.239.1.0/24 via", "run     ip route add", "undo    ip route del", "risk",
                  "verify", "class 1"):  # fmt: skip
        assert words in text
    assert commands_text(made).startswith("# on vm1\nip route add 10.239.1.0/24")
    refused = replace(made, refused="management path", fix_class=FixClass.SAFE)
    assert not can_apply(refused)
    assert "not possible by a key: management path" in lines_text(plan_lines(refused))


def test_container_commands_enter_the_namespace() -> None:
    command = Command("vm1", "/run/netns/c 1", ("ip", "route", "add", "default", "via", "10.239.0.1"))
    assert command.pasted == "nsenter --net='/run/netns/c 1' ip route add default via 10.239.0.1"


@pytest.mark.parametrize("result", list(Result))
def test_outcomes_in_words(result: Result) -> None:
    outcome = Outcome(result, "because", "vm1", remaining=("route-missing/vm1/x",))
    text = lines_text(outcome_lines(outcome, Plan("a plan", FixClass.SAFE)))
    assert "on vm1" in text
    assert "still there: route-missing/vm1/x" in text


def test_probe_answers() -> None:
    answers = (ProbeAnswer(1, "reply", "10.239.1.2", 62, 400_000), ProbeAnswer(2, "timeout"))
    text = lines_text(probe_lines("vm1/c1", "vm2/c1", ProbeReply(1, answers)))
    assert "✓ reply from 10.239.1.2, ttl 62, 0.40 ms" in text
    assert "✗ timeout" in text


def test_help_lists_keys_of_the_screen() -> None:
    text = lines_text(help_lines("packets"))
    assert "start or stop the capture" in text
    assert "preview the undo" in text
    assert "choose the interfaces to capture at" in text
    assert "choose where the packet starts" not in text


def test_lines_wrap_behind_their_label() -> None:
    found = wrapped([line(Part("run  ", Tone.DIM), Part("ip route add 10.239.1.0/24 via 10.5.7.61"))], 24)
    assert [plain(parts).rstrip() for parts in found] == [
        "run  ip route add",
        "     10.239.1.0/24 via",
        "     10.5.7.61",
    ]
    assert all(len(plain(parts)) <= 24 for parts in wrapped([line("x" * 100, " ", "y" * 30)], 24))


def test_cells_are_cut_and_filled_to_width() -> None:
    for text in ("", "short", "a much longer text", "日本語のテキスト", "ab日本"):
        for width in range(1, 12):
            assert sum(map(_width, (part.text for part in fitted((Part(text),), width)))) == width


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def test_columns_share_the_width() -> None:
    columns = (Column("A", 5), Column("B", most=10), Column("C", grow=True), Column("D", 6, above=50))
    rows = [Row("1", ((Part("x"),), (Part("y" * 30),), (), ()))]
    assert measure(columns, rows, 40) == (5, 10, 23, 0)
    assert measure(columns, rows, 80)[3] == 6


def test_a_column_is_left_out_before_the_last_one_is_cut() -> None:
    columns = (Column("A", 20), Column("B", 10, above=30), Column("C", grow=True))
    assert measure(columns, [], 45) == (20, 10, 13)
    assert measure(columns, [], 39) == (20, 0, 18)


@pytest.mark.parametrize(("width", "found"), [(99, (4, 0, 6)), (9, (4, 0, 4)), (5, (4, 0, 0)), (3, (3, 0, 0))])
def test_what_does_not_fit_is_clipped_to_the_table(width: int, found: tuple[int, ...]) -> None:
    assert clipped((4, 0, 6), width) == found


def test_a_host_read_without_root_is_not_called_healthy() -> None:
    fabric = settled(healthy())
    host = fabric.hosts["vm2"]
    assert host.snapshot is not None
    facts = structs.replace(host.snapshot.facts, uid=1000)
    view = view_of(fabric.with_host(replace(host, snapshot=replace(host.snapshot, facts=facts))))
    assert plain(summary(view, CLOCK, paused=False)).strip() == "3/3 up · ? 1 not known"
    assert [plain(row.cells[1]) for row in host_rows(view, CLOCK)] == ["● up", "◐ not root", "● up"]
    assert "? unknown" in plain(host_rows(view, CLOCK)[1].cells[4])


def test_a_host_that_is_late_with_a_sign_of_life_is_not_called_healthy() -> None:
    fabric = settled(healthy(3))
    late = replace(fabric.hosts["vm2"], changed_at=CLOCK - 9)
    view = view_of(fabric.with_host(late))
    assert plain(summary(view, CLOCK, paused=False)).strip() == "3/3 up · ? 1 silent"
    assert "nothing heard" in texts(host_rows(view, CLOCK))[1]
    assert "? unknown" in texts(host_rows(view, CLOCK))[1]
    assert "Not known: vm2" in lines_text(no_findings(view, CLOCK))
    assert plain(summary(view, CLOCK - 5, paused=False)).strip() == "3/3 up · ✓ healthy"


def test_age_of_what_is_shown_of_one_host() -> None:
    late = replace(settled(healthy(2)).hosts["vm1"], changed_at=CLOCK - 12)
    assert plain(freshness(late, CLOCK)) == "? nothing heard for 12 s"
    assert freshness(late, CLOCK - 8) == ()
