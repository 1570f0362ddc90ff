"""Write the attack models: `python -m tests.vectors.make_models`.

Each is one sound graph with one thing wrong, in `models/`, and `models/manifest.json`
says which error it must produce and what the error must name. Models that are large by
nature are not written: `attacks.large` makes them when a test asks.
"""

import json
from pathlib import Path

from tests.vectors.attacks.foreign import broken, foreign
from tests.vectors.attacks.headers import headers
from tests.vectors.attacks.mismatches import mismatches
from tests.vectors.attacks.operators import operators
from tests.vectors.attacks.shapes import shapes
from tests.vectors.attacks.structures import structures
from tests.vectors.attacks.tensors import tensors
from tests.vectors.attacks.trees import trees

FOLDER = Path(__file__).parent / "models"
FAMILIES = (foreign, broken, headers, structures, tensors, trees, operators, mismatches, shapes)


def main() -> None:
    """Write every file and the manifest."""
    manifest = {}
    for family in FAMILIES:
        for name, (made, says) in family().items():
            data = made if isinstance(made, bytes) else made.SerializeToString()
            (FOLDER / f"{name}.bin").write_bytes(data)
            manifest[name] = {"error": "BadModel", "says": says}
    text = json.dumps(manifest, indent=1, sort_keys=True)
    (FOLDER / "manifest.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
