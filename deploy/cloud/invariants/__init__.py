"""What must hold of everything that is deployed, as functions of the resolved templates and files.

An invariant yields a sentence for each thing that breaks it. One whose subject is missing is broken too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from cloud.template import Absent, Deployment

Check = Callable[[Deployment], Iterator[str]]
INVARIANTS: dict[str, Check] = {}


def invariant(check: Check) -> Check:
    """Register a check under its own name."""
    if check.__name__ in INVARIANTS:
        raise ValueError(f"two invariants are called {check.__name__}")
    INVARIANTS[check.__name__] = check
    return check


def applies(name: str, deployment: Deployment) -> bool:
    """Whether an invariant has its template: the one of letters is made apart, and may not be there yet."""
    return not INVARIANTS[name].__module__.endswith(".letters") or "30-notify" in deployment.templates


def problems(name: str, deployment: Deployment) -> list[str]:
    """What breaks an invariant; empty if it holds."""
    try:
        return list(INVARIANTS[name](deployment))
    except Absent as absent:
        return [str(absent)]


for area in ("network", "reach", "data", "secrets", "access", "balancer", "app", "web", "letters", "watch", "host"):
    import_module(f"{__name__}.{area}")
