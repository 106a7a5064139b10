"""The examples of docs/watch: they can be read, and name only metrics and labels that there are."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hostgw.live.counting import Counted
from hostgw.metrics.collector import registry
from hostgw.model.kernel import Counters
from hostgw.model.probe import Place, ProbeResult, Probes
from hostgw_tui.parsers import LISTEN, build_parser
from tests.fabrics import NIC, nat, subnet
from tests.unit.test_metrics import Fixed, broken, saved, without

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "watch"
NAME = re.compile(r"\bhostgw_\w+")
SELECTOR = re.compile(r"\b(hostgw_\w+)\{([^}]*)\}")
OF_PROMETHEUS = {"fabric", "instance", "job"}
"""Labels that the scrape adds."""


def exported() -> dict[str, set[str]]:
    """Labels by the name of every sample that a watcher can show."""
    place = Place("vm1", 1, "c1", "10.239.0.2")
    fabric = replace(broken(), probes=Probes((ProbeResult(place, place, 1, 1),)))
    counted = Counted({NIC: Counters(NIC)}, saved(*nat(subnet(1)).splitlines()).filters)
    source = Fixed(without(fabric, "vm1", changed_at=1.0, rtt_ns=1), {"vm1": counted})
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(registry(source)).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


METRICS = exported()


def board() -> Any:
    return json.loads((FOLDER / "grafana.json").read_text())


def alerts() -> list[Any]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return group["rules"]  # type: ignore[no-any-return]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    yield from (target["expr"] for panel in board()["panels"] for target in panel["targets"])
    yield from (each["query"]["query"] for each in board()["templating"]["list"] if each["type"] == "query")


@pytest.mark.parametrize("expression", expressions())
def test_expressions_name_what_there_is(expression: str) -> None:
    named = set(NAME.findall(expression))
    assert named <= set(METRICS)
    assert named or "up{" in expression
    for name, selector in SELECTOR.findall(expression):
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector)) <= METRICS[name] | OF_PROMETHEUS, name
    for labels in re.findall(r"\bby \(([^)]*)\)", expression):
        known = set().union(*(METRICS[name] for name in named), OF_PROMETHEUS)
        assert {label.strip() for label in labels.split(",")} <= known
    assert expression.count("(") == expression.count(")")


def test_every_metric_is_on_the_dashboard_or_told_of() -> None:
    told = (DOCS / "watch.md").read_text()
    parts = re.findall(r"hostgw_\w*(?:\{[^}`]*\}\w*)*", told)
    names = {name for part in parts for name in spelled(part)}
    assert set(METRICS) <= names


def spelled(part: str) -> list[str]:
    """Return the names that braces stand for: ``a_{b,c}`` is a_b and a_c."""
    if not (found := re.search(r"\{([^}]*)\}", part)):
        return [part]
    start, end = found.span()
    return [name for word in found[1].split(",") for name in spelled(part[:start] + word + part[end:])]


def test_the_alerts_that_are_promised() -> None:
    for rule in alerts():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        by = re.findall(r"by \(([^)]*)\)", rule["expr"])
        assert used <= ({label.strip() for text in by for label in text.split(",")} or OF_PROMETHEUS)
    waits = {rule["alert"]: rule.get("for") for rule in alerts()}
    assert waits["HostgwFindingError"] == "2m"
    assert {"HostgwHostDown", "HostgwWatcherDown", "HostgwRoutesMissing", "HostgwAgentStale"} <= set(waits)


def test_the_dashboard_can_be_imported() -> None:
    made = board()
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(made)
    ids = [panel["id"] for panel in made["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        assert panel["type"] in {"stat", "table", "timeseries", "state-timeline"}
        assert panel["title"]
        assert panel["description"]
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        squares = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & squares, panel["title"]
        taken |= squares
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    variables = {each["name"] for each in made["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(made))) - {"__rate_interval", "__all"} == variables


def test_the_scrape_and_the_service_fit_the_command() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job["job_name"] in (FOLDER / "alerts.yml").read_text()
    assert job["static_configs"][0]["targets"] == [LISTEN]
    assert all((FOLDER / name).is_file() for name in config["rule_files"])
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / "hostgw-watch.service")
    program, *words = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "hostgw-tui"
    args = build_parser().parse_args(words)
    assert (args.command, args.json, args.listen) == ("watch", True, LISTEN)
    assert unit["Install"]["WantedBy"] == "multi-user.target"
