"""Routes, bridge and rules, each with the program of the host that can bring it at boot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from hostgw.checks.network_daemons import leaves_foreign_routes
from hostgw.fabric import Host
from hostgw.plans.persist import ifupdown, netplan, networkd, networkmanager, oneshot, rules
from hostgw.plans.persist.model import Draft, Files, Unusable, Wanted

NOWHERE = "nothing that we know of would bring them at boot"
RELOAD = "run `nmcli connection reload` afterwards: NetworkManager may else write its old settings over the file"
MANAGERS: Mapping[str, Callable[[Wanted, Files], Iterator[Draft]]] = {
    networkd.MANAGER: networkd.drafts,
    netplan.MANAGER: netplan.drafts,
    networkmanager.MANAGER: networkmanager.drafts,
    ifupdown.MANAGER: ifupdown.drafts,
}


def drafts(host: Host, wish: Wanted, files: Files, said: list[str]) -> Iterator[Draft]:
    """Yield the changes of files; `said` takes why something is done in another way than it would be best.

    Raises:
        Unusable: something is wanted, and nothing on the host would bring it.
    """
    if wish.nic.networkd and not leaves_foreign_routes(host):
        yield from networkd.foreign_drafts(files)
    if rules.home(files):
        yield from rules.drafts(wish.rules, files)
        wish = replace(wish, rules=())
    try:
        done, left = _configured(wish, files)
    except Unusable as reason:
        said.append(f"{host.name}: {reason}")
        done, left = [], wish
    if done and wish.nic.manager == networkmanager.MANAGER:
        said.append(f"{host.name}: {RELOAD}")
    yield from done
    if files.systemd:
        yield from oneshot.drafts(left, files)
    elif what := ", ".join(_named(left)):
        raise Unusable(f"{what}: {NOWHERE}")


def _named(wish: Wanted) -> Iterator[str]:
    """Yield in a word each what is wanted."""
    yield from ["routes"] if wish.ways else []
    yield from (bridge.name for bridge in wish.bridges)
    yield from ["rules"] if wish.rules else []


def _configured(wish: Wanted, files: Files) -> tuple[list[Draft], Wanted]:
    """Return what the program that configures the NIC gets to do, and what it cannot do: only scripts set rules."""
    manager = wish.nic.manager
    if not manager:
        return [], wish
    if manager == ifupdown.MANAGER and not files.systemd:
        return list(ifupdown.drafts(wish, files)), Wanted(wish.nic)
    done = list(MANAGERS[manager](replace(wish, rules=()), files))
    return done, replace(wish, ways=(), bridges=())
