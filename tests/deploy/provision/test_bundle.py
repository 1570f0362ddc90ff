"""The bundle: what its members open of it, and that nobody goes by another."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from grandrounds.cli import run_command
from grandrounds.commands.asking import spelled
from grandrounds.commands.site_join import accept_bundle as join
from grandrounds.provision.authority import open_authority
from grandrounds.provision.coordinator_folder import accept_bundle, open_coordinator
from grandrounds.provision.site_folder import open_site_folder
from grandrounds_protocol.attested import attest
from grandrounds_protocol.bundle import MAX_BYTES, OpenBundle, read_bundle
from grandrounds_protocol.errors import BadBundle, BadInput, GrandRoundsError, Rollback

Fields = dict[str, Any]
Edit = Callable[[Fields, Fields], object]
"""Changes the fields of a bundle, given another federation's."""


def bundle(folder: Path, authority: str = "authority") -> bytes:
    return (folder / authority / "bundle.json").read_bytes()


def fields_of(data: bytes) -> Fields:
    fields: Fields = json.loads(data)["bundle"]
    return fields


def signed(folder: Path, fields: Fields, authority: str = "authority") -> bytes:
    """Sign whatever it is, as an authority."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return attest("bundle", text, open_authority(folder / authority).keys)


def site_joins(folder: Path, data: bytes) -> OpenBundle:
    return join(folder / "north", data, yes=True)


def coordinator_accepts(folder: Path, data: bytes) -> OpenBundle:
    return accept_bundle(folder / "hub", data, lambda _: None)


ACCEPT = pytest.mark.parametrize("accept", [site_joins, coordinator_accepts])
Accept = Callable[[Path, bytes], OpenBundle]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, accept: Accept, data: bytes, error: type[GrandRoundsError]) -> str:
    """See an offered bundle refused, and that nothing was written for it."""
    before = contents(folder)
    with pytest.raises(error) as found:
        accept(folder, data)
    assert contents(folder) == before
    return str(found.value)


def test_coordinator_and_site_open_what_the_authority_bundled(members: Path) -> None:
    coordinator_accepts(members, bundle(members))
    site_joins(members, bundle(members))
    hub, north = open_coordinator(members / "hub"), open_site_folder(members / "north")
    assert hub.roster.sites == ("north", "south")
    assert hub.nodes["north"].read_text() == north.node.public_key.read_text()
    assert hub.office.roster.coordinator.keys == hub.keys.public
    assert north.federation == hub.federation
    assert north.node.address == hub.address == "localhost:8443"
    assert north.node.root.read_text() == hub.tls.root.read_text()
    assert {path.stat().st_mode & 0o777 for path in (hub.state, north.state)} == {0o700}


def test_nothing_opens_before_a_bundle_was_accepted(members: Path) -> None:
    with pytest.raises(BadInput, match="coordinator start"):
        open_coordinator(members / "hub")
    with pytest.raises(BadInput, match="site join"):
        open_site_folder(members / "north")


@ACCEPT
@pytest.mark.parametrize("part", ["address", "ca", "federation", "nodes", "roster", "signature"])
def test_a_bundle_changed_on_its_way_is_refused(members: Path, accept: Accept, part: str) -> None:
    data = bundle(members)
    at = data.index(f'"{part}":'.encode()) + len(part) + 30
    changed = data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :]
    assert "not signed" in refused(members, accept, changed, BadBundle)


@ACCEPT
def test_a_bundle_of_another_authority_is_refused(members: Path, accept: Accept) -> None:
    accept(members, bundle(members))
    run_command(["authority", "init", "puppeteer", "--federation", "demo"])
    requests = [f"{name}/enrolment.json" for name in ("hub", "north", "south")]
    run_command(["authority", "enroll", "puppeteer", *requests, "--yes"])
    run_command(["authority", "renew", "puppeteer"])  # of a higher version, too
    theirs = bundle(members, "puppeteer")
    assert "another authority" in refused(members, accept, theirs, BadBundle)
    inside = fields_of(bundle(members)) | {"roster": fields_of(theirs)["roster"]}
    refused(members, accept, signed(members, inside), BadBundle)


@ACCEPT
def test_a_lower_version_or_the_same_with_other_content_is_refused(
    members: Path, accept: Accept
) -> None:
    old = bundle(members)
    run_command(["authority", "renew", "authority"])
    new = bundle(members)
    accept(members, new)
    assert "version 3 was accepted" in refused(members, accept, old, Rollback)
    fields = fields_of(new)
    fields["federation"] += "# other\n"
    refused(members, accept, signed(members, fields), Rollback)
    accept(members, new)  # the same again is nothing new


def _swap(fields: Fields, _: Fields) -> None:
    fields["nodes"]["north"], fields["nodes"]["south"] = (
        fields["nodes"]["south"],
        fields["nodes"]["north"],
    )


UNSOUND: dict[str, Edit] = {
    "a node that is no site": lambda fields, _: fields["nodes"].update(
        puppet=fields["nodes"].pop("south")
    ),
    "a site without a node": lambda fields, _: fields["nodes"].pop("south"),
    "one key for two nodes": lambda fields, _: fields["nodes"].update(
        north=fields["nodes"]["south"]
    ),
    "a name that is a path": lambda fields, _: fields["nodes"].update(
        {"../north": fields["nodes"].pop("north")}
    ),
    "another federation": lambda fields, _: fields.update(
        federation=fields["federation"].replace('"demo"', '"other"')
    ),
    "no federation": lambda fields, _: fields.update(federation="x = ["),
    "a federation too deep": lambda fields, _: fields.update(federation="x = " + "[" * 9999),
    "a federation of dots": lambda fields, _: fields.update(federation="a." * 9999 + "a = 1"),
    "a federation too long": lambda fields, _: fields.update(federation="#" * (1 << 19)),
    "an address of no host": lambda fields, _: fields.update(address="../x:443"),
    "an address without a port": lambda fields, _: fields.update(address="localhost"),
    "a certificate that may not sign": lambda fields, other: fields.update(ca=other["server"]),
    "two certificates": lambda fields, other: fields.update(ca=fields["ca"] + other["ca"]),
    "no certificate": lambda fields, _: fields.update(ca="-----BEGIN CERTIFICATE-----\n"),
    "a key of another kind": lambda fields, _: fields["nodes"].update(north="ssh-ed25519 AAAA"),
    "a key with a comment": lambda fields, _: fields["nodes"].update(
        north=fields["nodes"]["north"] + " x"
    ),
    "a field nobody knows": lambda fields, _: fields.update(more=1),
    "a later format": lambda fields, _: fields.update(format=2),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_an_unsound_bundle_is_refused_whoever_signed_it(members: Path, name: str) -> None:
    fields = fields_of(bundle(members))
    other = {
        "ca": fields["ca"],
        "server": (members / "hub/tls/server.pem").read_text(),
    }
    UNSOUND[name](fields, other)
    with pytest.raises(BadBundle):  # by anybody, before it is asked whom the bundle is for
        read_bundle(signed(members, fields), None)


def test_a_site_refuses_other_keys_for_itself(members: Path) -> None:
    fields = fields_of(bundle(members))
    _swap(fields, {})
    said = refused(members, site_joins, signed(members, fields), BadBundle)
    assert "another node's key for this site" in said
    run_command(["site", "init", "twin", "--site", "north"])
    data = bundle(members)
    with pytest.raises(BadBundle, match="other keys for this site than it holds"):
        join(members / "twin", data, yes=True)
    run_command(["site", "init", "west", "--site", "west"])
    with pytest.raises(BadBundle, match="no site named west"):
        join(members / "west", data, yes=True)


@pytest.mark.parametrize("part", ["address", "ca", "federation", "keys"])
def test_a_coordinator_refuses_a_bundle_about_another(members: Path, part: str) -> None:
    command = ["coordinator", "init", "mirror", "--host", "localhost", "--port", "8443"]
    run_command([*command, "--federation", "federation.toml"])
    mirror = json.loads((members / "mirror/enrolment.json").read_bytes())["application"]
    fields = fields_of(bundle(members))
    if part == "keys":
        run_command(["authority", "enroll", "authority", "mirror/enrolment.json", "--yes"])
        fields = fields_of(bundle(members))
    elif part == "ca":
        fields["ca"] = mirror["edge"]["ca"]
    elif part == "address":
        fields["address"] = "mirror.example.org:443"
    else:
        fields["federation"] += "# more\n"
    refused(members, coordinator_accepts, signed(members, fields), BadBundle)


@ACCEPT
def test_a_bundle_that_is_too_long_is_refused_before_it_is_read(
    members: Path, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        pytest.fail("it was read")

    monkeypatch.setattr("grandrounds_protocol.bundle.read_attested", read)
    refused(members, accept, b"0" * (MAX_BYTES + 1), BadBundle)
    refused(members, accept, b"," * (1 << 20), BadBundle)


def test_a_changed_federation_is_shown_and_one_no_leaves_all_as_it_was(
    members: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site_joins(members, bundle(members))
    path = members / "hub/federation.toml"
    path.write_text(path.read_text().replace('"private"', '"paper"'))
    assert run_command(["coordinator", "renew", "hub"]) == 0
    run_command(["authority", "enroll", "authority", "hub/enrolment.json", "--yes"])
    before = contents(members / "north")

    def no(_text: str, **_: object) -> bool:
        raise click.Abort

    monkeypatch.setattr("typer.confirm", no)
    capsys.readouterr()
    with pytest.raises(click.Abort):
        join(members / "north", bundle(members), yes=False)
    said = capsys.readouterr().out
    assert '-recipe = "private"' in said
    assert '+recipe = "paper"' in said
    assert contents(members / "north") == before
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    join(members / "north", bundle(members), yes=False)
    assert open_site_folder(members / "north").federation.rules.recipe == "paper"


def test_who_joins_first_sees_what_he_agrees_to_and_then_is_asked(
    members: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def no(text: str, **_: object) -> bool:
        shown.append(capsys.readouterr().out)
        assert "Take part?" in text
        raise click.Abort

    monkeypatch.setattr("typer.confirm", no)
    assert run_command(["site", "join", "north", "authority/bundle.json"]) == 130
    authority = open_authority(members / "authority").keys.public
    for said in (
        "federation demo",
        spelled(authority.fingerprint),
        "coordinator: localhost:8443",
        "sites: north (you), south",
        "recipe private: virtual rows are drawn from noisy counts",
        "costs an epsilon of 3",
        "fewer than 10 of your rows",
        "50% train, 20% validate, 30% are held out",
    ):
        assert said in shown[0]
    assert not (members / "north/roster").exists()


def test_a_refused_bundle_names_its_file_and_both_authorities(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site_joins(members, bundle(members))
    run_command(["authority", "init", "puppeteer", "--federation", "demo"])
    requests = [f"{name}/enrolment.json" for name in ("hub", "north", "south")]
    run_command(["authority", "enroll", "puppeteer", *requests, "--yes"])
    capsys.readouterr()
    assert run_command(["site", "join", "north", "puppeteer/bundle.json", "--yes"]) == 3
    said = capsys.readouterr().err
    assert "where: puppeteer/bundle.json; its authority is" in said
    for name in ("authority", "puppeteer"):
        assert open_authority(members / name).keys.public.fingerprint in said


def test_a_rule_moved_into_a_comment_is_shown(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = members / "hub/federation.toml"
    text = path.read_text()
    # TOML ends no line at this separator, and much that shows text does
    for end in ("\n", "\u2028"):
        path.write_text(text.replace("recipe =", f"# how{end}recipe ="), encoding="utf-8")
        assert run_command(["coordinator", "renew", "hub"]) == 0
        run_command(["authority", "enroll", "authority", "hub/enrolment.json", "--yes"])
        capsys.readouterr()
        site_joins(members, bundle(members))
    said = capsys.readouterr().out
    assert '-recipe = "private"' in said
    assert '+# how?recipe = "private"' in said


def test_a_first_bundle_is_accepted_only_where_its_authority_is_confirmed(members: Path) -> None:
    def no(_: OpenBundle) -> None:
        raise click.Abort

    before = contents(members / "hub")
    with pytest.raises(click.Abort):
        accept_bundle(members / "hub", bundle(members), no)
    assert contents(members / "hub") == before


def test_a_bundle_changed_after_it_was_accepted_opens_nothing(members: Path) -> None:
    coordinator_accepts(members, bundle(members))
    path = members / "hub/bundle.json"
    path.write_bytes(path.read_bytes().replace(b"localhost", b"localhosd"))
    with pytest.raises(BadBundle):
        open_coordinator(members / "hub")


def test_the_node_of_a_revoked_site_is_gone(members: Path) -> None:
    coordinator_accepts(members, bundle(members))
    run_command(["authority", "revoke", "authority", "south", "--yes"])
    coordinator_accepts(members, bundle(members))
    assert list(open_coordinator(members / "hub").nodes) == ["north"]
    assert not (members / "hub/nodes/south.pub").exists()


def test_there_is_no_bundle_without_a_coordinator(members: Path) -> None:
    run_command(["authority", "revoke", "authority", "coordinator", "--yes"])
    assert not (members / "authority/bundle.json").exists()


def test_sites_enrolled_earlier_stay_in_the_bundle(members: Path) -> None:
    run_command(["site", "init", "west", "--site", "west"])
    run_command(["authority", "enroll", "authority", "west/enrolment.json", "--yes"])
    found = read_bundle(bundle(members), None)
    assert set(found.bundle.nodes) == {"north", "south", "west"}
    assert found.version == 3


def test_an_old_request_shown_again_is_refused(
    members: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (members / "hub/enrolment.json").read_bytes()
    later = json.loads(old)["application"]["created"] + 60
    monkeypatch.setattr("grandrounds.provision.coordinator_folder.wall_clock", lambda: later)
    path = members / "hub/federation.toml"
    path.write_text(path.read_text() + "# more\n")
    run_command(["coordinator", "renew", "hub"])
    assert run_command(["authority", "enroll", "authority", "hub/enrolment.json", "--yes"]) == 0
    (members / "hub/enrolment.json").write_bytes(old)
    assert run_command(["authority", "enroll", "authority", "hub/enrolment.json", "--yes"]) == 3
    assert "a later one was enrolled" in capsys.readouterr().err


def test_a_coordinator_of_another_federation_is_not_enrolled(members: Path) -> None:
    run_command(["authority", "init", "other", "--federation", "other"])
    assert run_command(["authority", "enroll", "other", "hub/enrolment.json", "--yes"]) == 2
    assert open_authority(members / "other").roster.members == ()


def test_there_is_no_bundle_while_a_members_own_request_is_missing(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(["site", "init", "twin", "--site", "north"])
    theirs = (members / "twin/enrolment.json").read_bytes()
    (members / "authority/requests/north.json").write_bytes(theirs)
    capsys.readouterr()
    assert run_command(["authority", "renew", "authority"]) == 0
    assert "for want of the newest request of north" in capsys.readouterr().out
    assert not (members / "authority/bundle.json").exists()
