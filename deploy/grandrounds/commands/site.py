"""`grandrounds site`: keys, roster and ledger of one hospital."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from grandrounds.commands.asking import accept_each, show_member, show_roster, spelled
from grandrounds.commands.site_budget import budget
from grandrounds.folder import read_text
from grandrounds.provision import accepted, bundles, recorded
from grandrounds.provision.compose import write_environment
from grandrounds.provision.identity import KEYS, ROSTER, check_ledger, open_ledger, wall_clock
from grandrounds.provision.keyring import add_keys, read_keys
from grandrounds.provision.node import FOLDER as NODE
from grandrounds.provision.node import Node, make_node_key
from grandrounds.provision.secrets import read_bytes, replace, write_new
from grandrounds.provision.site_template import site_template
from grandrounds_client.ledger import EMPTY, Entry, OpenedEntry, check_head
from grandrounds_client.settings import SiteSettings
from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.enrolment import Application, sign_request
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadInput, UnknownSite
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import MAX_BYTES, Member, Roster, read_roster
from grandrounds_protocol.settings import check_settings, parse_settings
from grandrounds_protocol.times import spell

app = typer.Typer(help="Keys, roster and ledger of one hospital.", no_args_is_help=True)
ledger = typer.Typer(help="What left the house, and what came in.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")
app.command("budget")(budget)

NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The site's folder.")]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The site's folder.", exists=True, file_okay=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: fingerprints were compared.")]

_SETTINGS, _REQUEST = "site.toml", "enrolment.json"
_READABLE = 0o644


@app.command()
def init(
    folder: NewFolder,
    site: Annotated[str, typer.Option(metavar="NAME", help="The site's name.")],
) -> None:
    """Make a site's keys, its enrolment request, and a site.toml to fill in."""
    if (folder / KEYS).exists():
        raise BadInput(
            "this site has keys already",
            where=str(folder / KEYS),
            remedy="grandrounds site rotate replaces them",
        )
    settings = folder / _SETTINGS
    if settings.exists() and _name(folder) != site:
        raise BadInput(
            f"site.toml names another site than {site!r}", where=f"{settings}, field name"
        )
    check_settings(SiteSettings, {"name": site, "data": "x", "learner": "tree"}, "option --site")
    keys = add_keys(folder / KEYS)
    if not settings.exists():
        write_new(settings, site_template(site).encode(), _READABLE)
    write_environment(folder)
    _request(folder, site, keys)


@app.command()
def rotate(folder: Folder) -> None:
    """Make new keys; the old ones stay, to open what is still sealed for them."""
    read_keys(folder / KEYS)
    _request(folder, _name(folder), add_keys(folder / KEYS))


@app.command()
def roster(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The roster, from the authority.")],
    yes: Yes = False,
) -> None:
    """Accept a version of the roster: what it changes is shown, each new member asked for."""
    with bundles.named(file):
        accept_roster(folder, read_bytes(file, MAX_BYTES), yes=yes)


def accept_roster(folder: Path, data: bytes, *, yes: bool) -> None:
    """Accept a roster's file for a site, after it was shown and asked for; again, nothing is done.

    Raises
    ------
    click.Abort
        If it was not accepted: then nothing was changed.
    BadRoster, Rollback, Stale, ClockSkew, BadInput, BadLedger, WorkFailed
    """
    now = wall_clock()
    if not accepted.is_pinned(folder / ROSTER):
        _first_roster(folder, data, now, yes=yes)
        return
    trust = accepted.read_trust(folder / ROSTER)
    check_ledger(open_ledger(folder), trust)
    offered = trust.offered(data, now)
    if offered.fingerprint == trust.current.fingerprint:
        typer.echo(f"accepted before: version {offered.version} of {offered.federation}")
        return
    changes = trust.changes(offered)
    for member in changes.removed:
        typer.echo(f"{member.name} ({member.role}) is a member no more")
    _check_own(folder, offered)
    before = trust.current.members
    others = _others(folder, changes.to_accept)
    accept_each(others, yes=yes, what="do you accept it", before=before)
    recorded.go_on(folder, trust.accept(offered), data, now)
    typer.echo(f"accepted: version {offered.version} of {offered.federation}")


def _first_roster(folder: Path, data: bytes, now: int, *, yes: bool) -> None:
    first, authority = read_roster(data, None)
    _check_own(folder, first)
    typer.echo(f"authority of {first.federation}\n  {spelled(authority.fingerprint)}")
    if not yes:
        typer.confirm("  Did the authority read you the same by another way?", abort=True)
    accept_each(_others(folder, first.members), yes=yes, what="do you accept it")
    recorded.begin(folder, authority.fingerprint, data, now)
    typer.echo(f"accepted: version {first.version} of {first.federation}")


@app.command()
def show(folder: Folder) -> None:
    """Print the site's fingerprint and the roster that it accepted."""
    keys = read_keys(folder / KEYS)
    typer.echo(f"{_name(folder)}, newest keys of {len(keys)}")
    typer.echo(f"  {spelled(keys[0].public.fingerprint)}")
    if accepted.is_pinned(folder / ROSTER):
        show_roster(accepted.read_trust(folder / ROSTER).current)


@ledger.command("verify")
def verify(
    folder: Folder,
    heads: Annotated[
        list[str] | None,
        typer.Option("--head", metavar="N:DIGEST", help="What a peer kept; may be repeated."),
    ] = None,
) -> None:
    """Check the chain, and that it still holds what this site and its peers saw of it."""
    read_keys(folder / KEYS)
    book = open_ledger(folder)
    if accepted.is_pinned(folder / ROSTER):
        check_ledger(book, accepted.read_trust(folder / ROSTER))
    else:
        book.check_kept()
    for text in heads or []:
        check_head(book, _head(text), "a peer")
    head = book.head
    typer.echo(f"the chain holds: {head.entries} entries\n{head.entries}:{head.digest}")


@ledger.command("show")
def show_ledger(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """Print what left the house, what came in, what was refused and spent."""
    read_keys(folder / KEYS)  # else a folder mistyped would look like a house that nothing left
    for entry in open_ledger(folder).entries():
        typer.echo(to_canonical(entry).decode() if as_json else _line(entry))


@ledger.command("heads")
def heads(folder: Folder) -> None:
    """Print how far each peer's ledger had come when it last wrote, for that peer to compare."""
    read_keys(folder / KEYS)
    last: dict[str, LedgerHead] = {}
    for entry in open_ledger(folder).entries():
        if isinstance(entry.what, OpenedEntry):
            last[entry.what.sender] = entry.what.ledger
    for name, head in sorted(last.items()):
        typer.echo(f"{name} {head.entries}:{head.digest}")


def _check_own(folder: Path, offered: Roster) -> None:
    """Refuse a roster by which somebody else would be this site."""
    own = [pair.public for pair in read_keys(folder / KEYS)]
    name = _name(folder)
    if any(member.name == name and member.keys not in own for member in offered.members):
        raise UnknownSite(
            f"the roster, version {offered.version}, has other keys for {name} than this site",
            where=str(folder / KEYS),
            remedy="accept nothing; ask the authority who sent it a request in your name, and "
            f"send it {folder / _REQUEST}",
        )


def _others(folder: Path, members: Iterable[Member]) -> list[Member]:
    """Leave out this site: that its keys are its own was checked, and nobody telephones himself."""
    own = _name(folder)
    return [member for member in members if member.name != own]


def _line(entry: Entry) -> str:
    fields = entry.what.model_dump(mode="json")
    event = fields.pop("event")
    return f"{entry.number} {spell(entry.time)} {event}: {json.dumps(fields)}"


def _head(text: str) -> LedgerHead:
    number, _, digest = text.partition(":")
    table, remedy = {"entries": number, "digest": digest}, "N:DIGEST, as site ledger heads prints"
    head = check_settings(LedgerHead, table, "option --head", remedy)
    if head.entries == 0 and head != EMPTY:
        raise BadInput(
            "no ledger has that head: with 0 entries the digest is 64 zeros",
            where="option --head",
            remedy=remedy,
        )
    return head


def _name(folder: Path) -> str:
    path = folder / _SETTINGS
    return parse_settings(SiteSettings, read_text(path), str(path)).name


def _request(folder: Path, name: str, keys: KeyPair) -> None:
    member = Member(name=name, role="site", keys=keys.public)
    node = make_node_key(Node(folder / NODE))
    application = Application(created=wall_clock(), member=member, node=node)
    replace(folder / _REQUEST, sign_request(application, keys), _READABLE)
    show_member(member)
    typer.echo(f"send {folder / _REQUEST} to the authority, and read it the fingerprint above;")
    typer.echo(f"say in {folder / _SETTINGS} where your rows are; when the bundle has come,")
    typer.echo(f"next: grandrounds site join {folder} bundle.json")
