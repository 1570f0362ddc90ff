"""Versions of what runs."""

import platform
import re
from importlib.metadata import requires, version

from grandrounds.doctor.finding import Finding, failed, ok

_PIN = re.compile(r"flwr==([0-9.]+)")


def pinned_flower() -> str:
    """Return the one version of Flower that grandrounds works with."""
    pins = (
        _PIN.fullmatch(line.partition(";")[0].strip()) for line in requires("grandrounds") or ()
    )
    return next(pin[1] for pin in pins if pin)


def check_versions() -> Finding:
    """Look whether Flower is the pinned version: others let a bundle run code here."""
    found, wanted = version("flwr"), pinned_flower()
    says = f"grandrounds {version('grandrounds')}, flwr {found}, Python {platform.python_version()}"
    if found != wanted:
        return failed("versions", says, f"install flwr {wanted}, or grandrounds anew")
    return ok("versions", says)
