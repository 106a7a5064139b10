"""How hosts of another program's inventory are called in SSH."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.ssh.target import Target

_FIELD = re.compile(r"\{([^{}]*)\}")
FIELDS = ("name", "address")


@dataclass(frozen=True, slots=True)
class Naming:
    """A template of what to connect to, as ``{name}.example.org``; empty: the address that the inventory gives."""

    template: str = ""

    def target(self, name: str, address: str) -> Target:
        """Return a host as it is reached."""
        if not self.template:
            return Target(name, host=address)
        known = {"name": name, "address": address}
        user, _, host = _FIELD.sub(lambda found: known[found[1]], self.template).rpartition("@")
        return Target(name, user, "" if host == name else host)


def naming(template: str) -> Naming:
    """Return a naming by a template.

    Raises:
        UsageError: it has other fields, or none.
    """
    fields = _FIELD.findall(template)
    rest = _FIELD.sub("", template)
    unknown = [field for field in fields if field not in FIELDS]
    if template and (unknown or not fields or "{" in rest or "}" in rest):
        what = f"--ssh-name {clean(template, 80)} is no template"
        raise UsageError(what, "", "Fields are {name} and {address}, as in admin@{name}.example.org.")
    return Naming(template)
