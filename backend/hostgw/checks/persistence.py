"""Daemons, files and order (catalogue 3.7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from hostgw.checks import boot_files, cluster_files, network_daemons
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.wire import Section

HOST = (boot_files.check, network_daemons.check, cluster_files.check)


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what of a host's files and programs breaks the network later; nothing where files were not read."""
    if Section.SETTINGS in host.root.tables:
        yield from chain.from_iterable(each(host, mesh) for each in HOST)
