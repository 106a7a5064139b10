"""Whether kube-proxy's rules for service addresses are in use on a host."""

from __future__ import annotations

from hostgw.fabric import Host
from hostgw.mesh.memory import per_snapshot
from hostgw.model.iptables import parse

SERVICES = "KUBE-SERVICES"
IPVS = "kube-ipvs0"


@per_snapshot
def service_rules(host: Host) -> str:
    """Return where kube-proxy's rules are met; empty where they are not."""
    if IPVS in host.root.links_by_name:
        return f"{IPVS} is there: kube-proxy in IPVS mode"
    for backend in ("nft", "legacy"):
        rules = host.root.filters.get(backend)
        entered = parse(rules.text, backend).tables.get("nat", {}).get("PREROUTING") if rules else None
        if entered and any(rule.target == SERVICES for rule in entered.rules):
            return f"nat PREROUTING jumps to {SERVICES}"
    return ""
