"""The bundle that a member accepted last."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grandrounds.provision import accepted
from grandrounds.provision.secrets import read_bytes, replace
from grandrounds_protocol.bundle import MAX_BYTES, OpenBundle, read_bundle
from grandrounds_protocol.errors import BadBundle, BadInput, BadRoster, Rollback

FILE = "bundle.json"


def offered(folder: Path, roster: Path, data: bytes) -> OpenBundle:
    """Check a bundle that a member may accept, by the authority that it pinned, if it has one.

    Parameters
    ----------
    folder : Path
        The member's.
    roster : Path
        Its folder of accepted rosters.
    data : bytes

    Raises
    ------
    BadBundle
    Rollback
        If it is older than the one accepted last.
    """
    if not accepted.is_pinned(roster):
        return read_bundle(data, None)
    bundle = read_bundle(data, accepted.read_trust(roster).authority)
    if (folder / FILE).exists():
        bundle.check_follows(read(folder, roster))
    return bundle


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let a refusal name the file that was offered, a bundle or a roster."""
    try:
        yield
    except BadBundle as error:
        error.where = f"{path}; {error.where}" if error.where else str(path)
        raise
    except (BadRoster, Rollback) as error:
        error.where = error.where or str(path)
        raise


def keep(folder: Path, bundle: OpenBundle) -> None:
    """Keep a bundle as the one accepted last.

    Raises
    ------
    BadInput
    """
    replace(folder / FILE, bundle.data)


def read(folder: Path, roster: Path) -> OpenBundle:
    """Read the bundle accepted last.

    Raises
    ------
    BadInput
        If none was.
    BadBundle
        If it was changed since.
    """
    path = folder / FILE
    if not path.exists():
        raise BadInput(
            "no bundle was accepted here yet",
            where=str(path),
            remedy="grandrounds site join DIR BUNDLE; the authority has it",
        )
    return read_bundle(read_bytes(path, MAX_BYTES), accepted.read_trust(roster).authority)
