"""One door for instructions: each question is answered once, and nothing raised gets out.

Idempotent per (run, round, attempt, phase): the reply is kept with the changes it stands for, and
a repeated question gets the kept reply. A failure changes nothing, so it may be asked
again. What leaves with a failure is an error's name and its fixed sentence, never a
message that an exception built from data.
"""

import hashlib
import json
import logging

from grandrounds_client import phases
from grandrounds_client.frames import frames
from grandrounds_client.phases import Outcome, Question
from grandrounds_client.site import Site
from grandrounds_client.state import ROSTER, RULES, State, reply_key
from grandrounds_protocol.errors import GrandRoundsError, Stale, UnknownSite
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import PHASES, Failure, Heading, ReplyBody

log = logging.getLogger(__name__)

_DIGEST = hashlib.sha256().digest_size


def answer(site: Site, data: bytes) -> bytes:
    """Answer an instruction.

    Raises
    ------
    BadMessage
        If the bytes are no instruction at all; everything later becomes a reply.
    """
    instruction = Instruction.from_bytes(data)
    try:
        return _answer(site, instruction, hashlib.sha256(data).digest())
    except GrandRoundsError as error:
        log.warning("%s %s: %s", site.name, instruction.heading.phase, error.code)
        failure = Failure(code=error.code, reason=error.public)
    except Exception as error:  # noqa: BLE001 (whatever a learner or library raises stays here)
        log.error("%s %s: %s", site.name, instruction.heading.phase, frames(error))  # noqa: TRY400
        failure = Failure(code="InternalError", reason="the site's own work raised an error")
    return Reply.failed(instruction.heading, failure).to_bytes()


def _answer(site: Site, instruction: Instruction, digest: bytes) -> bytes:
    _check_address(site, instruction)
    key = reply_key(instruction.heading)
    kept = site.store.get(key)
    if kept is not None:
        if kept[:_DIGEST] != digest:
            raise Stale("the question was answered before, with other content")
        return kept[_DIGEST:]
    _check_order(site, instruction.heading)
    question = Question(site, State(site.store, instruction.heading.run), instruction)
    outcome = phases.perform(question)
    reply = Reply(
        ReplyBody(heading=instruction.heading, report=outcome.report), outcome.parcels
    ).to_bytes()
    _keep(site, instruction.heading, outcome, key, digest + reply)
    return reply


def _check_address(site: Site, instruction: Instruction) -> None:
    if instruction.heading.site != site.name or site.name not in instruction.body.sites:
        raise UnknownSite("the instruction is for another site")
    state = State(site.store, instruction.heading.run)
    if state.get(RULES) not in (None, instruction.body.rules.model_dump_json().encode()):
        # another seed would split anew, and held-out rows would be trained on
        raise Stale("the rules of a run do not change")
    if state.get(ROSTER) not in (None, json.dumps(instruction.body.sites).encode()):
        # another roster would choose this site's peers, and rename its teachers
        raise Stale("the members of a run do not change")


def _check_order(site: Site, heading: Heading) -> None:
    """Refuse a question older than one already answered in the run."""
    asked = (heading.round, heading.attempt, PHASES.index(heading.phase))
    for key in site.store:
        run, _, rest = key.partition("/reply/")
        if rest and run == heading.run:
            round_, attempt, phase = rest.split("/")
            if (int(round_), int(attempt), [*PHASES].index(phase)) > asked:  # type: ignore[arg-type]
                raise Stale("a later phase of this run was answered already")


def _keep(site: Site, heading: Heading, outcome: Outcome, key: str, reply: bytes) -> None:
    changes = {f"{heading.run}/{name}": value for name, value in outcome.changes.items()}
    site.store.update({**changes, key: reply})
