"""Building a lab and removing it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from hostgw.errors import LabError
from hostgw.lab import dockerd, inits, machine, namespaces, store
from hostgw.lab.addresses import Shape, check_name, check_shape
from hostgw.lab.hostfiles import host_order
from hostgw.lab.keys import make_keys
from hostgw.lab.lab import Lab, prefix
from hostgw.lab.nat import add_rules
from hostgw.lab.reading import state
from hostgw.lab.sshconf import OPERATOR_KEY, write_files
from hostgw.lab.topology import PLAIN_NODES
from hostgw.lab.variants import check_possible

_LISTEN_LIMIT: Final = 60.0
_STEP: Final = 0.01


def up(name: str = "demo", hosts: int = 3, containers: int = 2, external: bool = False, variant: str = "plain") -> Lab:
    """Build a lab, or nothing at all: raises LabError after removing what was made."""
    shape = check_shape(Shape(hosts, containers, external, variant))
    need_root()
    check_possible(shape.kind)
    folder = store.create(check_name(name), shape)
    with store.locked(folder):
        try:
            return _build(name, shape)
        except BaseException as error:
            _dismantle(name)
            if isinstance(error, (OSError, RuntimeError)):
                raise LabError(f"lab {name} was not built", str(error) or repr(error)) from error
            if isinstance(error, Exception) and not isinstance(error, LabError):
                raise LabError(f"lab {name} was not built", repr(error)) from error
            raise


def down(name: str = "demo") -> None:
    """Remove a lab, whole, half-made or half-dead; raises LabError when there is none of that name."""
    need_root()
    folder = store.directory(name)
    if not folder.is_dir():
        if not namespaces.names(prefix(name)):
            raise store.unknown(name)
        _dismantle(name)
        return
    with store.locked(folder):
        _dismantle(name)


def need_root() -> None:
    """Raise LabError unless we are root."""
    if os.geteuid():
        raise LabError("a lab needs root", "it makes network namespaces", "run it with sudo")


def _build(name: str, shape: Shape) -> Lab:
    from hostgw.lab import network  # brings pyroute2 in, which only building and healing need

    machine.prepare()
    keys = make_keys(store.directory(name), [OPERATOR_KEY, *(each.name for each in shape.all_hosts)])
    orders = [host_order(each, shape, keys[each.name], keys[OPERATOR_KEY]) for each in shape.all_hosts]
    write_files(name, shape.all_hosts, keys)
    starting = inits.Starting(name, orders)
    try:
        starting.wait()
        lab = Lab(name, shape, store.inits(name))
        _name_namespaces(lab)
        network.build(lab.topology, lab.node_netns)
        add_rules(lab)
        if shape.kind.docker:
            dockerd.start(lab)
        _wait_for_sshd(lab)
        store.save_baseline(name, state(lab))
        store.save(store.Saved(name, shape, complete=True))
        starting.keep()
    finally:
        starting.close()
    return lab


def _name_namespaces(lab: Lab) -> None:
    for node in PLAIN_NODES:
        namespaces.make(f"{prefix(lab.name)}{node}")
    for host, init in lab.inits.items():
        namespaces.give_name(f"{prefix(lab.name)}{host}", f"/proc/{init.pid}/ns/net")


def _wait_for_sshd(lab: Lab) -> None:
    """Wait until every host listens on port 22; raises LabError when one does not in time."""
    deadline = time.monotonic() + _LISTEN_LIMIT
    for host, init in lab.inits.items():
        while not listens(init.pid):
            if time.monotonic() > deadline or not init.alive:
                raise LabError(f"sshd of {host} does not listen", "its words are in /var/log/sshd.log of the host")
            time.sleep(_STEP)


def listens(pid: int) -> bool:
    """True when something listens on TCP port 22 in the network namespace of a process."""
    table = Path(f"/proc/{pid}/net/tcp").read_text(encoding="utf-8")
    return any(fields[1].endswith(":0016") and fields[3] == "0A" for fields in map(str.split, table.splitlines()[1:]))


def _dismantle(name: str) -> None:
    """Remove all that carries the lab's name: processes, names, files, in this order."""
    inits.end(store.inits(name).values())
    for each in namespaces.names(prefix(name)):
        namespaces.take_name(each)
    dockerd.forget(name)
    store.remove(name)
    machine.restore()
