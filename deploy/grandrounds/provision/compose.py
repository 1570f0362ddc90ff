"""What docker compose reads of a folder: where it lies, whose it is, which images run."""

from pathlib import Path

from grandrounds import __version__
from grandrounds.provision.secrets import replace

FILE = "compose.env"
_READABLE = 0o644


def write_environment(folder: Path, **more: str) -> None:
    """Write `compose.env` into a folder, for `docker compose --env-file`.

    The containers run as the folder's owner, who alone may read its keys.

    Raises
    ------
    BadInput
    """
    owner = folder.stat()
    values = {
        "GRANDROUNDS_DIR": str(folder.resolve()),
        "GRANDROUNDS_USER": f"{owner.st_uid}:{owner.st_gid}",
        "SITE_IMAGE": f"grandrounds-site:{__version__}",
        "COORDINATOR_IMAGE": f"grandrounds-coordinator:{__version__}",
        **more,
    }
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    text = f"# What docker compose reads; grandrounds wrote it.\n{lines}"
    replace(folder / FILE, text.encode(), _READABLE)
