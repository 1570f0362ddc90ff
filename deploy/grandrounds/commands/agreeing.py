"""What a hospital agrees to when it joins, in words: whose federation, who is in, which rules."""

from collections.abc import Iterator

from grandrounds.commands.asking import spelled
from grandrounds_protocol.bundle import OpenBundle
from grandrounds_protocol.schema import Rules

_RECIPES = {
    "private": "virtual rows are drawn from noisy counts of your rows, never from a patient's row",
    "guarded": "virtual rows begin with your patients' rows, and go through the gate",
    "paper": "virtual rows begin with your patients' rows, and go through the gate",
}


def offer(bundle: OpenBundle, site: str) -> Iterator[str]:
    """Say line by line what a bundle offers to a site that joins."""
    sites = [f"{name} (you)" if name == site else name for name in bundle.roster.sites]
    yield f"federation {bundle.federation.name}, as its authority signed it; the authority has"
    yield f"  {spelled(bundle.authority.fingerprint)}"
    yield f"coordinator: {bundle.bundle.address}"
    yield f"sites: {', '.join(sites)}"
    classes, features = len(bundle.federation.classes), len(bundle.federation.features)
    yield f"it tells {classes} classes by {features} features; its runs go by these rules:"
    yield from (f"  - {rule}" for rule in in_words(bundle.federation.rules))


def in_words(rules: Rules) -> Iterator[str]:
    """Say what rules mean for a hospital's rows; of those that concern no row, nothing."""
    about = _RECIPES.get(rules.recipe)
    yield f"recipe {rules.recipe}" + (f": {about}" if about else "")
    if rules.recipe == "private":
        yield f"each private release of your rows costs an epsilon of {rules.privacy_epsilon:g}"
    yield f"nothing that leaves speaks of fewer than {rules.min_rows} of your rows"
    shares = (1 - rules.validation - rules.held_out, rules.validation, rules.held_out)
    yield "of your rows {:.0%} train, {:.0%} validate, {:.0%} are held out".format(*shares)
    others = f"{rules.peers_per_round} of the others" if rules.peers_per_round else "all others"
    yield f"in each round your model and its candidates go to {others}"
    yield f"one teacher's rows for one student are {rules.quota:,} at most in a round"
    yield f"your rows score {rules.review_max} candidates of one site at most in a run"
    yield "rounds, seed and engine are chosen for each run by who operates the coordinator"
