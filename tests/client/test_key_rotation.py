"""Keys replaced while a round runs: what peers sealed for the old ones still opens."""

from pathlib import Path

from grandrounds.cli import run_command
from grandrounds.provision.identity import open_identity
from grandrounds_client.ledger import OpenedEntry
from grandrounds_client.service import answer
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, open_site
from grandrounds_client.state import CURRENT
from grandrounds_protocol.enrolment import read_request
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.records import DistillReport
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.roster import Roster, sign_roster
from grandrounds_protocol.schema import Federation
from tests import keys
from tests.client.asking import ROWS, ask, said

SETTINGS = 'name = "north"\ndata = "rows.csv"\nlearner = "tree"\n'


def enrolled_anew(folder: Path) -> bytes:
    """The roster that the authority signs once it has the site's new request."""
    fresh = read_request((folder / "enrolment.json").read_bytes()).member
    members = tuple(
        fresh if member.name == fresh.name else member for member in keys.ROSTER.members
    )
    table = {**keys.ROSTER.model_dump(), "version": 2, "members": members}
    return sign_roster(Roster.model_validate(table), keys.KEYS.authority)


def test_letters_of_the_running_round_open_after_keys_were_replaced(
    tmp_path: Path, federation: Federation
) -> None:
    keys.KEYS.write(tmp_path, "north")
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "site.toml").write_text(SETTINGS)
    settings = SiteSettings(name="north", data="rows.csv", learner="tree")
    store: dict[str, bytes] = {}

    def opened() -> Site:
        identity = open_identity(tmp_path, "north")
        return open_site(settings, tmp_path, federation, store, identity=identity)

    site = opened()
    answer(site, ask(site, "publish"))
    own = ModelRelease.from_bytes(store[f"r/{CURRENT}"])
    card = own.card.model_copy(update={"site": "south"})
    release = Parcel("release", "south", ("north",), ModelRelease(card, own.onnx).to_bytes())
    question = ask(site, "distill", release)  # sealed for the keys that north has now

    assert run_command(["site", "rotate", str(tmp_path)]) == 0
    newer = tmp_path / "roster.json"
    newer.write_bytes(enrolled_anew(tmp_path))
    assert run_command(["site", "roster", str(tmp_path), str(newer), "--yes"]) == 0

    site = opened()
    assert site.identity is not None
    assert site.identity.keys_on(site.identity.trust.current) is site.identity.keys[0]
    report = said(site, question).body.report
    assert isinstance(report, DistillReport)
    assert report.refused == {}
    events = [entry.what for entry in site.identity.ledger.entries()]
    assert [event.sender for event in events if isinstance(event, OpenedEntry)] == ["south"]
