"""What two runs of the same seed have in common."""

from typing import Any

from grandrounds.results import Results


def same(results: Results, *others: str) -> dict[str, Any]:
    """Return all but what differs between any two runs, and `others`; as it stands in the file."""
    found = results.model_dump(mode="json", exclude={"seconds", *others})
    for site in found["sites"].values():
        assert site.pop("ledger")["entries"] > 0
    return found
