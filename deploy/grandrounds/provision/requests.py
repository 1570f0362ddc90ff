"""What each member asked the authority for: its request, as it came, by the member's name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grandrounds.provision.secrets import make_private_folder, read_bytes, replace
from grandrounds_protocol.agreed import read_agreed
from grandrounds_protocol.enrolment import MAX_BYTES, Application, read_request
from grandrounds_protocol.errors import BadInput, BadRequest, Rollback
from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.times import check_time, spell


@dataclass(frozen=True)
class Request:
    """A request whose signature holds.

    Attributes
    ----------
    data : bytes
        The file.
    application : Application
    """

    data: bytes
    application: Application

    @property
    def member(self) -> Member:
        """Who asks."""
        return self.application.member


def read_requests(folder: Path, roster: Roster, paths: Iterable[Path], now: int) -> list[Request]:
    """Read requests that may be enrolled.

    Raises
    ------
    BadInput
        If a file cannot be read, two are in one name, or a coordinator's federation is not the
        roster's.
    BadRequest, ClockSkew
    Rollback
        If a request is older than the one that was enrolled last: somebody shows it again.
    """
    found = [_read(path) for path in paths]
    check_one_each([request.member for request in found])
    before = kept(folder, roster.members)
    for request in found:
        asked = request.application
        check_time(asked.created, now, now, "the request")
        _check_newer(asked, before.get(asked.member.name))
        _check_federation(asked, roster)
    return found


def _read(path: Path) -> Request:
    data = read_bytes(path, MAX_BYTES)
    try:
        return Request(data, read_request(data))
    except BadRequest as error:
        error.where = error.where or str(path)  # which of the many that were named
        raise


def changed(folder: Path, roster: Roster, asked: Iterable[Request]) -> list[Request]:
    """Return the requests for something else than the member has.

    Raises
    ------
    BadInput, BadRequest
    """
    before = kept(folder, roster.members)
    return [request for request in asked if not _is_known(request.application, before)]


def check_one_each(asked: Sequence[Member]) -> None:
    """Refuse two requests in one name: one of them is somebody else's.

    Raises
    ------
    BadInput
    """
    names = [member.name.casefold() for member in asked]
    for member in asked:
        if names.count(member.name.casefold()) > 1:
            raise BadInput(
                f"two requests are in the name of {member.name}",
                where="argument REQUEST",
                remedy="ask that hospital which one is its own, and enrol that one only",
            )


def keep(folder: Path, requests: Iterable[Request]) -> None:
    """Keep what members asked for.

    Raises
    ------
    BadInput
    """
    make_private_folder(folder)
    for request in requests:
        replace(folder / f"{request.member.name}.json", request.data)


def kept(folder: Path, members: Iterable[Member]) -> dict[str, Application]:
    """Read what members asked for last, of those who asked with the keys that they have.

    Raises
    ------
    BadInput, BadRequest
    """
    found = {}
    for member in members:
        path = folder / f"{member.name}.json"
        if path.exists():
            asked = read_request(read_bytes(path, MAX_BYTES))
            if asked.member == member:
                found[member.name] = asked
    return found


def _is_known(asked: Application, before: dict[str, Application]) -> bool:
    known = before.get(asked.member.name)
    return known is not None and asked.same_as(known)


def _check_newer(asked: Application, before: Application | None) -> None:
    if before is not None and asked.created < before.created:
        raise Rollback(
            f"the request of {asked.member.name} is of {spell(asked.created)}, and a later one "
            "was enrolled",
            remedy="ask the member for its newest enrolment.json",
        )


def _check_federation(asked: Application, roster: Roster) -> None:
    if asked.edge is None:
        return
    name = read_agreed(asked.edge.federation, "federation.toml in the request").name
    if name != roster.federation:
        raise BadInput(
            f"the coordinator's federation is {name!r}, the authority's {roster.federation!r}",
            where="federation.toml, field name",
            remedy="correct one of them; a new authority takes a new folder",
        )
