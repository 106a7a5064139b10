"""What is sent to a host: the agent and the netlink message classes, as source, in one compressed stage.

Built once per process. Docstrings are left out and lines keep their numbers, so a traceback on the host names the right
line of the right file.
"""

from __future__ import annotations

import ast
import importlib.util
import threading
import zlib
from functools import cache
from pathlib import Path

from hostgw.ssh.remote_command import LOADER

__all__ = ["LOADER", "modules", "stage", "stripped"]

_STAGE = """
import os, sys
from importlib.machinery import ModuleSpec
class Shipped:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in SOURCES:
            return ModuleSpec(name, Shipped, origin=SOURCES[name][0], is_package=SOURCES[name][1])
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        origin, _, source = SOURCES.pop(module.__name__)
        module.__file__ = origin
        exec(compile(source, origin, "exec", 0, True), module.__dict__)
sys.meta_path.insert(0, Shipped)
fd_in, fd_out = os.dup(0), os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
from hostgw.agent.main import run
sys.exit(run(fd_in, fd_out, " ".join(sys.argv[2:])))
"""
"""The importer, and the agent's start. Stray prints go to standard error: nothing but frames reaches the operator."""


def stage(sources: dict[str, tuple[str, bool, str]] | None = None) -> bytes:
    """Return what the loader reads: 8 digits of length, then the compressed stage."""
    if sources is not None:
        return _packed(sources)
    with _building:
        return _default_stage()


_building = threading.Lock()
"""All hosts ask at once: the first builds, the others wait for it."""


@cache
def _default_stage() -> bytes:
    return _packed(modules())


def _packed(sources: dict[str, tuple[str, bool, str]]) -> bytes:
    body = zlib.compress(f"SOURCES = {sources!r}{_STAGE}".encode(), 6)
    return b"%08d" % len(body) + body


def modules() -> dict[str, tuple[str, bool, str]]:
    """Return module name -> (file name for tracebacks, is it a package, source) of everything that is shipped."""
    from hostgw.agent.shipped import SHIPPED_PYROUTE2

    agent = Path(_spec_file("hostgw.agent")).parent
    names = [".".join(("hostgw.agent", *path.relative_to(agent).with_suffix("").parts)) for path in agent.rglob("*.py")]
    wanted = {name.removesuffix(".__init__") for name in names} | set(SHIPPED_PYROUTE2)
    sources = {name: _source(name) for name in sorted(wanted)}
    for name in list(sources):
        parent = name.rpartition(".")[0]
        while parent and parent not in sources:
            sources[parent] = (parent.replace(".", "/") + "/__init__.py", True, "")
            parent = parent.rpartition(".")[0]
    sources["pyroute2"] = ("pyroute2/__init__.py", True, "")
    return sources


def _source(name: str) -> tuple[str, bool, str]:
    path = Path(_spec_file(name))
    is_package = path.name == "__init__.py"
    origin = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
    return origin, is_package, stripped(path.read_text("utf-8"))


def _spec_file(name: str) -> str:
    """Return where a module's source lies, without importing what it does not need."""
    root, *rest = name.split(".")
    spec = importlib.util.find_spec(root)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    base = Path(spec.origin).parent.joinpath(*rest)
    return str(base / "__init__.py" if base.is_dir() else base.with_suffix(".py"))


def stripped(source: str) -> str:
    """Return `source` without docstrings; lines keep their numbers."""
    lines = source.splitlines()
    _blank_docstrings(ast.parse(source), lines)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _blank_docstrings(node: ast.AST, lines: list[str]) -> None:
    """Blank those of `node` and of what is defined in it; expressions define nothing, so they are not walked."""
    body: list[ast.stmt] = getattr(node, "body", [])
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        _blank_docstring(body, lines)
    for statement in body:
        _blank_docstrings(statement, lines)


def _blank_docstring(body: list[ast.stmt], lines: list[str]) -> None:
    first = body[0] if body else None
    if (
        not isinstance(first, ast.Expr)
        or not isinstance(first.value, ast.Constant)
        or not isinstance(first.value.value, str)
    ):
        return
    start, end = first.lineno - 1, (first.end_lineno or first.lineno) - 1
    after = lines[end].encode()[first.end_col_offset or 0 :].decode()
    lines[start] = lines[start].encode()[: first.col_offset].decode() + '""' + (after if start == end else "")
    for number in range(start + 1, end + 1):
        lines[number] = after if number == end else ""
