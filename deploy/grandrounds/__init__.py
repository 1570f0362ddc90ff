"""Hospitals teach each other's models; no patient row leaves the house.

This package is the face of the product, and the only one that sees both sides: the
command line, the simulator, and the Python interface::

    import grandrounds
    outcome = grandrounds.cooperate({"north": (model, X, y), "south": (other, X2, y2)})
"""

import os
from typing import TYPE_CHECKING, Any

# Flower calls home unless told not to, and reads these when it is imported
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")

if TYPE_CHECKING:
    from grandrounds.api import Model, Outcome, cooperate

__version__ = "0.1.0"
__all__ = ["Model", "Outcome", "__version__", "cooperate"]


def __getattr__(name: str) -> Any:
    """Load the interface when it is first used: the command line's help answers at once."""
    if name in {"Model", "Outcome", "cooperate"}:
        from grandrounds import api

        return getattr(api, name)
    raise AttributeError(f"module 'grandrounds' has no attribute {name!r}")
