"""A site's rows, its model, and a round of its own: in counts, never in values.

The site is opened as simulated, with a store in memory: what is tried is neither booked nor kept.
"""

import time
from dataclasses import replace

from grandrounds.doctor.finding import Finding, failed, ok, warning
from grandrounds.exact_counts import written
from grandrounds.simulate import Simulation, run
from grandrounds_client import phases
from grandrounds_client import state as kept
from grandrounds_client.phases import Question
from grandrounds_client.recipes import find_recipe, works_on_drawn_seeds
from grandrounds_client.site import Site
from grandrounds_client.state import State
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import Heading, InstructionBody, PublishOrder
from grandrounds_protocol.release import ModelRelease
from grandrounds_server.outcome import site_outcomes

PEERS = 2
"""Copies of the site that stand in for others: with fewer nobody could bear witness."""
_RUN = "check"


def check_data(site: Site) -> Finding:
    """Count rows, classes, and cells that are missing or out of bounds."""
    rows, names = site.rows, site.federation.class_names
    counts = {name: int((rows.y == index).sum()) for index, name in enumerate(names)}
    classes = ", ".join(f"{count} {name}" for name, count in counts.items())
    clipped, missing = sum(rows.clipped.values()), sum(rows.missing.values())
    says = (
        f"{len(rows.y)} rows ({classes}), {len(rows.columns)} of {rows.x.shape[1]} columns, "
        f"{missing} cells missing, {clipped} out of bounds and clipped"
    )
    least = site.federation.rules.min_rows
    few = [name for name, count in counts.items() if count < least]
    if few:
        mend = f"classes of fewer than {least} rows teach little and may be held back"
        return warning("data", f"{says}; few of {', '.join(few)}", mend)
    return ok("data", says)


def check_model(site: Site) -> Finding:
    """Train, export and look through the model, as the phase publish does.

    Raises
    ------
    ModelHoldsRows
        If it may not leave the house.
    BadInput, Refused
        As `publish`.
    """
    heading = Heading(run=_RUN, round=1, phase="publish", site=site.name)
    order = PublishOrder(schema_digest=site.federation.digest())
    body = InstructionBody(
        heading=heading, sites=_names(site), rules=site.federation.rules, order=order
    )
    question = Question(site, State(site.store, _RUN), Instruction(body))
    release = ModelRelease.from_bytes(phases.perform(question).parcels[0].payload)
    return ok("model", f"{release.card.algorithm} trains, exports, and may leave the house")


def rehearse(site: Site) -> Finding:
    """Run a round with copies of this site as its peers; nothing is booked and nothing leaves."""
    start = time.monotonic()
    rules = site.federation.rules.model_copy(update={"rounds": 1, "peers_per_round": 0})
    federation = site.federation.model_copy(update={"rules": rules})
    simulation = Simulation(federation, {name: _copy(site, name) for name in _names(site)})
    finished = run(simulation, lambda *_: None)
    outcome = site_outcomes(finished)[site.name]
    state = State(simulation.sites[site.name].store, simulation.run_name)
    model, counts = state.get(kept.CURRENT), written(state.store, simulation.run_name, 1)
    if outcome.adopt is None or model is None or counts is None:
        return failed(
            "round", f"the rehearsal did not come to its end: {outcome.reason}", _MEND_ROUND
        )
    rows = sum(
        count
        for students in counts.taught.values()
        for student, count in students.items()
        if student != site.name
    )
    says = (
        f"with {PEERS} copies of this site as peers in {time.monotonic() - start:.0f} s; for each "
        f"peer would leave a model of {len(model):,} bytes and a retrained one, and for all "
        f"{rows} virtual rows"
    )
    closed = counts.passages.closed if counts.passages else ""
    if closed:
        return warning("round", f"{says}: {closed}", "see docs/hospital.md, What may leave")
    return ok("round", says)


_MEND_ROUND = "docs/hospital.md explains the reasons; then check again"


def check_budget(site: Site, spent: float) -> Finding:
    """Compare what was spent of the privacy budget with what a run costs."""
    budget, rules = site.settings.privacy.budget, site.federation.rules
    says = f"epsilon {spent:g} of {budget:g} is spent"
    if not works_on_drawn_seeds(find_recipe(rules.recipe, "rules, field recipe")):
        return ok("budget", f"{says}; recipe {rules.recipe} has none")
    says = f"{says}; a new release costs {rules.privacy_epsilon:g}"
    if spent + rules.privacy_epsilon > budget:
        return warning(
            "budget",
            f"{says}, and would be refused",
            "a release made before costs nothing; raise the budget only if its owner agrees",
        )
    return ok("budget", says)


def _names(site: Site) -> tuple[str, ...]:
    return (site.name, *(f"copy-{number}-of-it" for number in range(1, PEERS + 1)))


def _copy(site: Site, name: str) -> Site:
    settings = site.settings.model_copy(update={"name": name})
    # a budget that is spent is told elsewhere, and would hide what else does not work
    privacy = settings.privacy.model_copy(update={"budget": site.federation.rules.privacy_epsilon})
    return replace(site, settings=settings.model_copy(update={"privacy": privacy}), store={})
