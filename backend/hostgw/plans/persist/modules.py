"""Kernel modules at boot: a file in modules-load.d (modules-load.d(5))."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hostgw.plans.persist.model import MARK, NAME, Draft, Files

PATH = f"/etc/modules-load.d/{NAME}.conf"


def drafts(modules: Sequence[str], files: Files) -> Iterator[Draft]:
    """Yield our file, where modules have to be loaded that no file names."""
    text = "\n".join([f"# {MARK}: what is loaded now is loaded at boot.", *modules, ""])
    if modules and (change := files.change(PATH, text)):
        yield Draft(change, f"{', '.join(modules)} at boot", ("module-not-at-boot",))
