"""Keys: what is no key, or a key that anybody could use, never gets into a roster."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grandrounds_protocol.errors import BadInput, BadSignature
from grandrounds_protocol.keys import PUBLIC_BYTES, KeyPair, PublicKeys

from .members import throw_away

OWN = throw_away("a")
PRIME = 2**255 - 19
ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER = [0, 1, PRIME - 1, PRIME, PRIME + 1, ORDER_8, PRIME - ORDER_8]


def with_keys(*, sign: bytes | None = None, curve: bytes | None = None) -> PublicKeys:
    receive = base64.b64decode(OWN.public.receive)
    return PublicKeys(
        sign=OWN.public.sign if sign is None else base64.b64encode(sign).decode(),
        receive=base64.b64encode(receive[: -len(curve)] + curve if curve else receive).decode(),
    )


def test_a_secret_comes_back_as_the_same_keys() -> None:
    drawn = KeyPair.generate()
    assert KeyPair.from_secret(drawn.to_secret() + "\n", "keys").public == drawn.public


def test_two_members_never_draw_the_same_keys() -> None:
    assert KeyPair.generate().public != KeyPair.generate().public


def test_a_secret_is_never_printed() -> None:
    secret = OWN.to_secret()
    for shown in (repr(OWN), str(OWN)):
        assert secret[:20] not in shown
        assert secret[-20:] not in shown


@given(st.text(max_size=200))
def test_what_is_no_secret_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        KeyPair.from_secret(f"{text}=?", "keys/a")
    assert "keys/a" in str(caught.value)
    assert f"{text}=?" not in str(caught.value)


@pytest.mark.parametrize("cut", [1, 4, 100])
def test_half_a_secret_is_refused(cut: int) -> None:
    with pytest.raises(BadInput):
        KeyPair.from_secret(OWN.to_secret()[:-cut], "keys")


@given(st.binary(max_size=100), st.data())
def test_a_signature_holds_for_these_bytes_only(data: bytes, draw: st.DataObject) -> None:
    signature = bytearray(OWN.sign("reply", data))
    OWN.public.verify("reply", data, bytes(signature))
    with pytest.raises(BadSignature):
        OWN.public.verify("reply", data + b"\x00", bytes(signature))
    signature[draw.draw(st.integers(0, 63))] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(BadSignature):
        OWN.public.verify("reply", data, bytes(signature))


@pytest.mark.parametrize("signature", [b"", b"\x00" * 63, b"\x00" * 64, b"\xff" * 65])
def test_bytes_that_are_no_signature_are_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        OWN.public.verify("reply", b"data", signature)


def test_a_signature_for_one_purpose_is_none_for_another() -> None:
    signature = OWN.sign("reply", b"data")
    for label in ("instruction", "hello", "roster", "envelope"):
        with pytest.raises(BadSignature):
            OWN.public.verify(label, b"data", signature)


def test_the_purpose_cannot_be_shifted_into_the_data() -> None:
    with pytest.raises(BadSignature):
        OWN.public.verify("reply", b"x\x00data", OWN.sign("reply\x00x", b"data")[:64] + b"\x00")
    with pytest.raises(BadSignature):
        OWN.public.verify("rep", b"lydata", OWN.sign("reply", b"data"))


def forged(key: bytes) -> bool:
    """Whether a signature that needs no secret holds for one of a few messages."""
    verifier = Ed25519PublicKey.from_public_bytes(key)
    for number in range(200):
        try:
            verifier.verify(b"\x01" + bytes(63), b"%d" % number)
        except InvalidSignature:
            continue
        return True
    return False


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", SMALL_ORDER)
def test_a_signing_key_for_which_anybody_can_sign_is_refused(y: int, sign: int) -> None:
    key = (y | sign << 255).to_bytes(32, "little")
    # the library takes most of these keys, and a signature without a secret holds for them
    assert forged(key) or y >= PRIME or (sign and y in {1, PRIME - 1})
    with pytest.raises(ValidationError, match="small order"):
        with_keys(sign=key)


@pytest.mark.parametrize("u", [0, 1, PRIME - 1, PRIME, PRIME + 1])
def test_a_receiving_key_that_gives_no_secret_is_refused(u: int) -> None:
    # in a roster it would keep everybody from sealing for a list with that member on it
    with pytest.raises(ValidationError):
        with_keys(curve=u.to_bytes(32, "little"))


def test_a_lattice_key_out_of_range_is_refused() -> None:
    receive = base64.b64decode(OWN.public.receive)
    with pytest.raises(ValidationError):
        PublicKeys(
            sign=OWN.public.sign,
            receive=base64.b64encode(b"\xff" * 1184 + receive[1184:]).decode(),
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-4],
        lambda text: text + "AAAA",
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text.rstrip("="),
        lambda text: text[:-2] + ("B" if text[-2] != "B" else "C") + "=",
        lambda text: "\u00e9" + text[1:],
        lambda _: "",
    ],
)
def test_public_keys_have_one_spelling(change: object) -> None:
    assert callable(change)
    with pytest.raises(ValidationError):
        PublicKeys(sign=change(OWN.public.sign), receive=OWN.public.receive)


def test_the_fingerprint_names_both_keys() -> None:
    other = throw_away("b").public
    swapped = PublicKeys(sign=OWN.public.sign, receive=other.receive)
    assert len({OWN.public.fingerprint, other.fingerprint, swapped.fingerprint}) == 3


def test_public_keys_take_as_many_bytes_as_a_roster_reckons_with() -> None:
    from grandrounds_protocol.canonical import to_canonical

    assert len(to_canonical(OWN.public)) == PUBLIC_BYTES
