"""Write the vectors: `python -m tests.vectors.envelopes.make`.

`letters/` is written once: those files must open for ever, so what is there stays. `hostile/`
is written anew each time, as changes to the letter `five.bin` or the envelope `three.bin`, and
`manifest.json` says which error each must produce.
"""

import hashlib
from pathlib import Path

from grandrounds_protocol.envelope import Sealed
from tests.protocol.members import NOW, PLACE, member, sealed, throw_away
from tests.vectors.envelopes.attacks import attacks
from tests.vectors.patches import difference, write

FOLDER = Path(__file__).parent
NAMES = ("a", "b", "s0", "s1", "s2", "s3", "s4")
SENDER = "a"
LETTERS = {"one": (1, 0, 0), "five": (5, 2, 5000), "larger": (2, 1, 70_000)}
"""Recipients, the one who opens it, bytes of the payload."""


def main() -> None:
    """Write every file and both manifests."""
    if not (FOLDER / "letters.json").exists():
        _write_letters()
    letter, envelope = (
        (FOLDER / "letters" / name).read_bytes() for name in ("five.bin", "three.bin")
    )
    manifest = {}
    for attack in attacks(letter, envelope):
        base = envelope if attack.base == "three.bin" else letter
        content = {"base": attack.base, "pieces": difference(base, attack.made)}
        write(FOLDER / "hostile" / f"{attack.name}.json", {**content, "open": attack.opening})
        assert attack.name not in manifest, attack.name
        manifest[attack.name] = {"error": attack.error, "says": attack.says}
    write(FOLDER / "manifest.json", manifest)


def _write_letters() -> None:
    told = {}
    for name, (count, index, size) in LETTERS.items():
        payload = bytes(number * number % 251 for number in range(size))
        recipients = [member(f"s{number}") for number in range(count)]
        letter = sealed(payload, recipients).letters(recipients)(f"s{index}")
        (FOLDER / "letters" / f"{name}.bin").write_bytes(letter.to_bytes())
        told[name] = {
            "recipient": f"s{index}",
            "bytes": size,
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
    three = [member(f"s{number}") for number in range(3)]
    envelope: Sealed = sealed(b"for three", three)
    (FOLDER / "letters" / "three.bin").write_bytes(envelope.to_bytes())
    content = {
        "note": "throw-away keys, worth nothing: anybody may have them",
        "keys": {name: throw_away(name).to_secret() for name in NAMES},
        "sender": SENDER,
        "place": PLACE.model_dump(),
        "now": NOW,
        "letters": told,
    }
    write(FOLDER / "letters.json", content)


if __name__ == "__main__":
    main()
