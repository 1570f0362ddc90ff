"""Bundle and request: no byte can be changed, and nothing in them takes much to read."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grandrounds_protocol.agreed import MAX_TEXT, read_agreed
from grandrounds_protocol.attested import attest
from grandrounds_protocol.bundle import Bundle, read_bundle, sign_bundle
from grandrounds_protocol.enrolment import Application, Edge, read_request, sign_request
from grandrounds_protocol.errors import BadBundle, BadInput, BadRequest
from grandrounds_protocol.roster import sign_roster
from grandrounds_protocol.transport import split_address

from .members import NOW, member, roster, throw_away

AUTHORITY = throw_away("authority")
FEDERATION = """\
name = "f"
label = "outcome"
classes = ["well", "ill"]
features = [{ kind = "continuous", name = "age", low = 0, high = 100 }]
"""


@cache
def node_key(_name: str) -> str:
    public = generate_private_key(SECP384R1()).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@cache
def root() -> str:
    key = generate_private_key(SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    start = datetime.fromtimestamp(NOW, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA384())
    )
    return made.public_bytes(Encoding.PEM).decode()


@cache
def good() -> bytes:
    members = roster(member("a"), member("b"), member("hub", "coordinator"), version=3)
    bundle = Bundle(
        roster=sign_roster(members, AUTHORITY).decode(),
        address="hub.example.org:443",
        ca=root(),
        federation=FEDERATION,
        nodes={name: node_key(name) for name in ("a", "b")},
    )
    return sign_bundle(bundle, AUTHORITY)


@cache
def request_of_coordinator() -> bytes:
    edge = Edge(address="hub.example.org:443", ca=root(), federation=FEDERATION)
    hub = member("hub", "coordinator")
    return sign_request(Application(created=NOW, member=hub, edge=edge), throw_away("hub"))


def test_a_bundle_is_read_as_it_was_signed() -> None:
    found = read_bundle(good(), AUTHORITY.public.fingerprint)
    assert (found.version, found.roster.sites, found.federation.name) == (3, ("a", "b"), "f")
    assert read_bundle(good(), None).authority == AUTHORITY.public


@given(st.integers(0, len(good()) - 1), st.integers(1, 255))
def test_any_byte_of_a_bundle_flipped(at: int, bits: int) -> None:
    changed = bytearray(good())
    changed[at] ^= bits
    with pytest.raises(BadBundle):
        read_bundle(bytes(changed), AUTHORITY.public.fingerprint)


@given(st.integers(0, len(request_of_coordinator()) - 1), st.integers(1, 255))
def test_any_byte_of_a_request_flipped(at: int, bits: int) -> None:
    changed = bytearray(request_of_coordinator())
    changed[at] ^= bits
    with pytest.raises(BadRequest):
        read_request(bytes(changed))


@given(st.binary(max_size=200))
def test_nothing_else_is_raised_for_what_is_no_bundle(data: bytes) -> None:
    for read in (lambda: read_bundle(data, None), lambda: read_request(data)):
        with contextlib.suppress(BadBundle, BadRequest):
            read()
            pytest.fail("it was read")


def test_what_was_signed_for_another_purpose_is_no_bundle() -> None:
    text = json.dumps(json.loads(good())["bundle"], sort_keys=True, separators=(",", ":")).encode()
    assert attest("bundle", text, AUTHORITY) == good()
    other = attest("roster", text, AUTHORITY).replace(b',"roster":{', b',"bundle":{')
    with pytest.raises(BadBundle, match="not signed"):
        read_bundle(other, None)


def test_a_request_is_of_one_role() -> None:
    with pytest.raises(ValidationError, match="an edge"):
        Application(created=NOW, member=member("a"))
    with pytest.raises(ValidationError, match="an edge"):
        Application(created=NOW, member=member("hub", "coordinator"), node=node_key("a"))


def test_a_request_by_other_keys_than_it_names_is_refused() -> None:
    asked = Application(created=NOW, member=member("a"), node=node_key("a"))
    assert read_request(sign_request(asked, throw_away("a"))) == asked
    with pytest.raises(BadRequest, match="not signed by the keys in it"):
        read_request(sign_request(asked, throw_away("b")))


@pytest.mark.parametrize(
    "text",
    [
        "#" * (MAX_TEXT + 1),
        "a." * 200 + "a = 1",
        # no end of a line in TOML, and one to `str.splitlines`
        ("a." * 50 + '"\u2028".') * 9 + "a = 1",
        "a = " + "[" * 100_000,
        "a = " + "{a = " * 9999,
    ],
    ids=["long", "dots", "dots and line separators", "brackets", "braces"],
)
def test_a_federation_that_takes_much_to_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="too "):
        read_agreed(text, "bundle")


NO_ADDRESSES = (
    *("hub", "hub:", ":443", "hub:0", "hub:65536", "hub:\uff10", "hub:+1", "hub:0443", "::1:443"),
    *("[hub]:443", "https://hub:443", "hub/x:443", "1.2.3:443", "-hub:443", "h..x:443", "h\n:443"),
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        split_address(address)


def test_addresses_of_all_kinds() -> None:
    for address, found in (
        ("hub.example.org:443", ("hub.example.org", 443)),
        ("192.0.2.7:8443", ("192.0.2.7", 8443)),
        ("[2001:db8::7]:443", ("2001:db8::7", 443)),
    ):
        assert split_address(address) == found
