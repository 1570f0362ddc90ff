"""The matrix of faults, as data."""

from grandrounds_protocol.records import PHASES
from tests.faults import inject
from tests.faults.stack import Stack
from tests.faults.suffer import Fault, Under, asked_again, costs_the_site, refused, same_result

SAME = "the undisturbed run's digest; each question answered once; no kept phase again; none left"
REFUSED = f"refused, and {SAME}"
AGAIN = f"the site is asked again, and {SAME}"
COSTS = "costs the site's contribution; the others end; nothing twice; none left"
CUT = f"refused by name; with the copy brought back, {SAME}"


def nothing(_stack: Stack, _run: Under) -> None:
    """Do nothing."""


UNDISTURBED = Fault("none", SAME, nothing, "publish", same_result)
KILLS = tuple(
    Fault(f"kill -9 {who} at {phase}", SAME, make(), phase, same_result)
    # so that the first nine reach every process, and every phase
    for first in range(len(PHASES))
    for place, (who, make) in enumerate(inject.KILLS.items(), first)
    for phase in [PHASES[place % len(PHASES)]]
)
OTHERS = (
    Fault("forged reply", AGAIN, inject.forge_reply, "distill", asked_again),
    Fault("injected instruction", REFUSED, inject.inject_instruction, "retrain", refused),
    Fault(
        "reach through the edge",
        REFUSED,
        inject.through_the_edge,
        "distill",
        same_result,
    ),
    Fault("changed bundle", REFUSED, inject.foreign_bundle, "distill", same_result),
    Fault("second instance", REFUSED, inject.second_instance, "review", same_result),
    Fault("coordinator's disk full", SAME, inject.fill_disk_of_coordinator, "retrain", same_result),
    Fault("site's disk full", COSTS, inject.fill_disk_of_site, "distill", costs_the_site),
    Fault("run database cut", CUT, inject.cut_database, "retrain", same_result),
    Fault("site's clock 4 min fast", SAME, inject.skew_clock(240), "retrain", same_result),
    Fault(
        "site's clock 20 min fast",
        COSTS,
        inject.skew_clock(1200),
        "retrain",
        costs_the_site,
        patience=150.0,  # more than the minute for which Flower refuses a node that was killed
    ),
    Fault("site cut off for 20 s", SAME, inject.cut_off, "distill", same_result),
    Fault("site slowed to a fifth", SAME, inject.slow, "publish", same_result),
    Fault("ten kills -9, one every 3 s", SAME, inject.storm, "distill", same_result),
    Fault("kill -9 the supervisor alone", SAME, inject.kill_supervisor, "retrain", same_result),
)
MATRIX = (UNDISTURBED, *KILLS, *OTHERS)
