"""One site asked without keys, for benches that look at a phase alone: nothing travels."""

from grandrounds_client import phases
from grandrounds_client.phases import Outcome, Question
from grandrounds_client.site import Site
from grandrounds_client.state import State, said
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import ReplyBody


def asked(site: Site, instruction: Instruction) -> Outcome:
    """Do what an instruction asks, its parcels open, and keep what came of it."""
    heading = instruction.heading
    outcome = phases.perform(Question(site, State(site.store, heading.run), instruction))
    reply = Reply(ReplyBody(heading=heading, report=outcome.report), outcome.parcels)
    changes = {**outcome.changes, said(heading): reply.to_bytes()}
    site.store.update({f"{heading.run}/{name}": value for name, value in changes.items()})
    return outcome
