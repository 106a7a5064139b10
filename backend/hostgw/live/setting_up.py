"""The configurator over the present picture: a form judged while it is typed, and the plans that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.model.ip import Prefix, maybe_prefix
from hostgw.plans.model import Plan
from hostgw.plans.setup import attach_plan, detach_plan, join_plan, leave_plan, setup_plan
from hostgw.plans.setup.form import Draft, Form, draft, free_network
from hostgw.plans.setup.wishes import Nat, Wishes


@dataclass
class SettingUp:
    """What a screen needs to make a network of hosts; any thread may call any method."""

    view: Callable[[], View]
    mesh: Callable[[Fabric, Prefix | None], Mesh]
    """Builds what should be, for a network that is only thought of yet."""
    told: Callable[[], Mapping[str, Prefix]]
    """The subnets that an inventory gives hosts."""
    tell_network: Callable[[Prefix], None]
    """Takes a network as told by the operator from now on."""
    local: frozenset[str] = frozenset()
    _thought: tuple[Fabric, Prefix | None, Mesh] | None = None

    def first(self) -> Form:
        """Return the form that is shown first: the known network, else a free one, and what an inventory tells."""
        view = self.view()
        network = view.mesh.network or free_network(view.fabric)
        return Form(str(network), subnets={name: str(subnet) for name, subnet in self.told().items()})

    def draft(self, form: Form) -> Draft:
        """Return a form judged."""
        view = self.view()
        return draft(form, view.fabric, self._mesh_for(form, view))

    def plan(self, form: Form) -> Plan:
        """Return the plan that makes what a form says.

        Raises:
            UsageError: something in it is wrong.
        """
        view = self.view()
        mesh = self._mesh_for(form, view)
        return setup_plan(view.fabric, mesh, self._wishes(form, view, mesh), self.local)

    def join(self, form: Form, name: str) -> Plan:
        """Return the plan by which one host becomes a part of the network."""
        view = self.view()
        self._known(name, view)
        mesh = self._mesh_for(form, view)
        return join_plan(view.fabric, mesh, self._wishes(form, view, mesh), name, self.local)

    def leave(self, name: str) -> Plan:
        """Return the plan that takes a host out."""
        view = self.view()
        self._known(name, view)
        return leave_plan(view.fabric, view.mesh, name, self.local)

    def attach(self, name: str, containers: Sequence[str], address: str = "") -> Plan:
        """Return the plan that hangs network namespaces on the bridge of a host."""
        view = self.view()
        self._known(name, view)
        return attach_plan(view.fabric, view.mesh, name, containers, address, self.local)

    def detach(self, name: str, container: str) -> Plan:
        """Return the plan that takes a network namespace off its bridge."""
        view = self.view()
        self._known(name, view)
        return detach_plan(view.fabric, view.mesh, name, container, self.local)

    def _known(self, name: str, view: View) -> None:
        if not name:
            raise UsageError("which host?")
        if name not in view.fabric.hosts:
            raise UsageError(f"there is no host {name}", "", f"There are: {', '.join(view.fabric.hosts)}.")

    def _wishes(self, form: Form, view: View, mesh: Mesh) -> Wishes:
        judged = draft(form, view.fabric, mesh)
        if judged.wishes is None:
            raise UsageError(judged.error)
        return replace(judged.wishes, nat=Nat.NEW if form.nat else Nat.NONE)

    def _mesh_for(self, form: Form, view: View) -> Mesh:
        network = maybe_prefix(form.network.strip()) if form.network.strip() else None
        if network == view.mesh.network:
            return view.mesh
        if self._thought is None or self._thought[:2] != (view.fabric, network):
            self._thought = (view.fabric, network, self.mesh(view.fabric, network))
        return self._thought[2]
