"""The rules of a run beside those that this site accepted: only the coordinator signs the first."""

import logging

from grandrounds_client.site import Site
from grandrounds_protocol.errors import RecipeNotAllowed, RulesNotAccepted
from grandrounds_protocol.schema import CHOSEN_FOR_A_RUN, Rules

log = logging.getLogger(__name__)


def check_rules(site: Site, rules: Rules) -> None:
    """Refuse to begin a run by other rules than were accepted.

    Raises
    ------
    RulesNotAccepted
        If a rule that nobody chooses for a single run is another.
    RecipeNotAllowed
        If the recipe is another, and site.toml names none.
    """
    if site.accepted is None:
        return
    before, now = site.accepted.model_dump(), rules.model_dump()
    changed = [rule for rule in now if now[rule] != before[rule]]
    others = ", ".join(rule for rule in changed if rule not in CHOSEN_FOR_A_RUN)
    if others:
        log.warning("%s: the run has other rules than were accepted: %s", site.name, others)
        raise RulesNotAccepted(
            f"the run has other rules than federation.toml: {others}",
            remedy="ask the operator; new rules come in a bundle that the authority signed",
        )
    if "recipe" in changed and site.settings.recipes is None:
        raise RecipeNotAllowed(
            f"recipe {rules.recipe!r} is not the one that was accepted",
            where="federation.toml, rules, field recipe",
            remedy="name it in site.toml, field recipes, if this site is to take part",
        )
