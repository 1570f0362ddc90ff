"""What an envelope costs beside bare HPKE: processor time, bytes, and memory."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import TypeVar

from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from grandrounds.bench.usage import peak_memory
from grandrounds_protocol.envelope import Letter, Place, Sealed, open_letter, seal
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import Member

T = TypeVar("T")

REPEATS = 3
RIVALS = 3
"""Recipients that bare HPKE seals for; for more it takes as many times longer."""
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NOW = 1_800_000_000
_PLACE = Place(roster="00" * 32, run="bench", round=1, attempt=1, kind="release")
_LEDGER = LedgerHead(entries=0, digest="00" * 32)


@dataclass(frozen=True)
class Sealing:
    """One payload for some recipients. Seconds are processor time, medians of the repeats.

    Attributes
    ----------
    payload : int
        Bytes.
    seal_seconds, open_seconds : float
        For all recipients; by one of them.
    hpke_seal_seconds, hpke_open_seconds : float
        The same by bare HPKE of the whole payload, once per recipient, unsigned.
    hpke_measured : int
        For how many recipients that was measured; the rest is reckoned.
    sent, delivered : int
        Bytes of the envelope, and of one letter.
    hpke_sent : int
        Bytes of all that bare HPKE would send.
    seal_memory, open_memory : int
        Most bytes of memory that a process of its own needed to seal, up to the bytes that
        travel; to open a letter. With the payload and the letter.
    """

    recipients: int
    payload: int
    seal_seconds: float
    open_seconds: float
    hpke_seal_seconds: float
    hpke_open_seconds: float
    hpke_measured: int
    sent: int
    delivered: int
    hpke_sent: int
    seal_memory: int
    open_memory: int

    @property
    def faster(self) -> float:
        """How many times faster than bare HPKE for all recipients."""
        return self.hpke_seal_seconds / self.seal_seconds

    @property
    def faster_open(self) -> float:
        """How many times faster than bare HPKE one recipient opens."""
        return self.hpke_open_seconds / self.open_seconds


def measure(payload: int, recipients: int) -> Sealing:
    """Seal and open a payload of so many bytes, by envelope and by bare HPKE."""
    sender, keys = KeyPair.generate(), [KeyPair.generate() for _ in range(recipients)]
    members = [_member(f"s{number}", pair) for number, pair in enumerate(keys)]
    data = b"\x01" * payload
    seal_seconds, envelope = timed(lambda: _sealed(data, sender, members))
    letter = Sealed.from_bytes(envelope).letters(members)(members[-1].name)
    open_seconds, _ = timed(lambda: _opened(letter, sender, keys[-1]))
    sent, delivered = len(envelope), letter.to_bytes()
    measured = min(recipients, RIVALS)
    rivals = [pair.public.receiver for pair in keys[:measured]]
    hpke_seconds, texts = timed(lambda: [_SUITE.encrypt(data, rival) for rival in rivals])
    hpke_open, _ = timed(lambda: _SUITE.decrypt(texts[0], keys[0].receiver))
    with TemporaryDirectory(prefix="grandrounds-") as temporary:
        path = Path(temporary) / "letter"
        path.write_bytes(delivered)
        open_memory = _apart(_memory_to_open, str(path), sender.to_secret(), keys[-1].to_secret())
    return Sealing(
        recipients=recipients,
        payload=payload,
        seal_seconds=seal_seconds,
        open_seconds=open_seconds,
        hpke_seal_seconds=hpke_seconds * recipients / measured,
        hpke_open_seconds=hpke_open,
        hpke_measured=measured,
        sent=sent,
        delivered=len(delivered),
        hpke_sent=recipients * len(texts[0]),
        seal_memory=_apart(_memory_to_seal, payload, recipients),
        open_memory=open_memory,
    )


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the median processor time of some repeats, and what the last one gave."""
    seconds = []
    for _ in range(REPEATS):
        begun = process_time()
        found = work()
        seconds.append(process_time() - begun)
    return median(seconds), found


def _apart(work: Callable[..., int], *given: object) -> int:
    """Run in a process of its own, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(work, *given).result()


def _memory_to_seal(payload: int, recipients: int) -> int:
    sender = KeyPair.generate()
    members = [_member(f"s{number}", KeyPair.generate()) for number in range(recipients)]
    before = peak_memory()
    data = b"\x01" * payload
    _sealed(data, sender, members)
    return peak_memory() - before


def _memory_to_open(path: str, sender: str, own: str) -> int:
    pairs = [KeyPair.from_secret(secret, "bench") for secret in (sender, own)]
    before = peak_memory()
    letter = Letter.from_bytes(Path(path).read_bytes())
    _opened(letter, *pairs)
    return peak_memory() - before


def _sealed(data: bytes, sender: KeyPair, members: list[Member]) -> bytes:
    return seal(
        data,
        _PLACE,
        sender="sender",
        keys=sender,
        recipients=members,
        created=_NOW,
        expires=_NOW + 3600,
        ledger=_LEDGER,
    )


def _opened(letter: Letter, sender: KeyPair, own: KeyPair) -> None:
    open_letter(
        letter,
        sender=_member("sender", sender),
        recipient=_member(f"s{letter.index}", own),
        own=[own],
        place=_PLACE,
        now=_NOW,
    )


def _member(name: str, keys: KeyPair) -> Member:
    return Member(name=name, role="site", keys=keys.public)
