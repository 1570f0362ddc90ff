"""Write the attack files: `python -m tests.vectors.make_vectors`.

Each is one sound file with one thing wrong, in a folder named after the door it is for.
`manifest.json` says which error it must produce and what the error must name. Files that
are large by nature are not written: a recipe makes them when a test asks.
"""

import json
from pathlib import Path

from tests.vectors.attacks.cards import cards, large_cards
from tests.vectors.attacks.family import Family
from tests.vectors.attacks.foreign import broken, foreign
from tests.vectors.attacks.formats import cuts, formats
from tests.vectors.attacks.headers import headers
from tests.vectors.attacks.interfaces import interfaces
from tests.vectors.attacks.large import large
from tests.vectors.attacks.messages import large_messages, messages
from tests.vectors.attacks.mismatches import mismatches
from tests.vectors.attacks.operators import operators
from tests.vectors.attacks.rows import large_rows, rows
from tests.vectors.attacks.shapes import shapes
from tests.vectors.attacks.structures import structures
from tests.vectors.attacks.tensors import tensors
from tests.vectors.attacks.trees import trees

FOLDER = Path(__file__).parent
MODELS = (
    foreign,
    broken,
    formats,
    cuts,
    headers,
    structures,
    interfaces,
    tensors,
    trees,
    operators,
    mismatches,
    shapes,
)


def written() -> dict[str, tuple[str, Family]]:
    """Return, by door, the error that it raises and what is stored for it."""
    models = {name: attack for family in MODELS for name, attack in family().items()}
    return {
        "models": ("BadModel", models),
        "releases": ("BadModel", dict(cards())),
        "rows": ("BadInstances", dict(rows())),
        "messages": ("BadMessage", dict(messages())),
    }


def recipes() -> dict[str, tuple[str, Family]]:
    """Return, by door, the error that it raises and what is too large to store."""
    return {
        "models": ("BadModel", large()),
        "releases": ("BadModel", dict(large_cards())),
        "rows": ("BadInstances", dict(large_rows())),
        "messages": ("BadMessage", dict(large_messages())),
    }


def main() -> None:
    """Write every file and the manifest."""
    manifest = {}
    for door, (error, family) in written().items():
        folder = FOLDER / door
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.bin"):
            old.unlink()
        for name, (made, says) in family.items():
            data = made if isinstance(made, bytes) else made.SerializeToString()
            (folder / f"{name}.bin").write_bytes(data)
            manifest[f"{door}/{name}"] = {"error": error, "says": says}
    text = json.dumps(manifest, indent=1, sort_keys=True)
    (FOLDER / "manifest.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
