"""The one Flower App Bundle (FAB) that there is: names of apps, and no code.

Flower ships a bundle from the coordinator to every site, and would run what is in it. Ours
only names apps of the installed package. It is a function of the versions, byte for byte, so
that each side can build what it approves instead of trusting what arrives.
"""

import hashlib
import io
import zipfile

from grandrounds import __version__
from grandrounds.running.flower import FLOWER

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def project() -> str:
    """Return the bundle's `pyproject.toml`."""
    return f"""\
[project]
name = "grandrounds"
version = "{__version__}"
description = "Names apps of the installed package; holds no code."
license = "Apache-2.0"
dependencies = ["flwr=={FLOWER}"]

[tool.flwr.app]
publisher = "grandrounds"

[tool.flwr.app.components]
serverapp = "grandrounds.running.serverapp:app"
clientapp = "grandrounds.running.clientapp:app"
"""


def app_bundle() -> bytes:
    """Build the bundle: stored, not compressed, since zlibs differ in what they write."""
    text = project().encode()
    manifest = f"pyproject.toml,{hashlib.sha256(text).hexdigest()},{8 * len(text)}".encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (("pyproject.toml", text), (".info/CONTENT", manifest)):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system = 3
            archive.writestr(entry, data)
    return file.getvalue()


def approved() -> str:
    """SHA-256 of the bundle, hex: the only one that runs."""
    return hashlib.sha256(app_bundle()).hexdigest()
