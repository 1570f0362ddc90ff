"""One door for instructions: each question is answered once, and nothing raised gets out.

Idempotent per (run, round, attempt, phase): the reply is kept with the changes it stands for, and
a repeated question gets the kept reply, until a question of a later round was answered: then it
is refused. A failure changes nothing, so it may be asked again. What leaves with a failure is an
error's name and its fixed sentence, never a message that an exception built from data.

Only what the coordinator signed is read, only what peers sealed for this site is opened, and
whatever leaves is sealed, written to the ledger, and signed, in this order.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grandrounds_client import phases
from grandrounds_client.forgetting import outlived, with_run
from grandrounds_client.frames import frames, told
from grandrounds_client.identity import Identity
from grandrounds_client.ledger import AnsweredEntry, Event, RefusedEntry
from grandrounds_client.phases import Outcome, Question
from grandrounds_client.rounded import rounded
from grandrounds_client.run_rules import check_rules
from grandrounds_client.sealing import (
    check_current,
    open_parcels,
    seal_parcels,
    sign_hello,
    sign_reply,
    verified,
    with_unopened,
)
from grandrounds_client.signed_scores import with_signatures, with_true_scores
from grandrounds_client.site import Site
from grandrounds_client.state import ROSTER, ROSTER_VERSION, RULES, State, reply_key, said
from grandrounds_protocol.errors import BadInput, GrandRoundsError, Refused, Stale, UnknownSite
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import PHASES, Failure, Heading, ReplyBody
from grandrounds_protocol.roster import Roster

log = logging.getLogger(__name__)

_DIGEST = hashlib.sha256().digest_size


def answer(site: Site, data: bytes) -> bytes:
    """Answer a signed instruction with a signed reply.

    Raises
    ------
    BadMessage, BadSignature, UnknownSite, RosterNotAccepted, Stale, ClockSkew
        If the coordinator did not say this to this site now. Everything later becomes a reply.
    BadInput
        If the site has no keys.
    """
    identity = _identity(site)
    try:
        body, digest, roster = verified(identity, data)
        instruction = Instruction.from_bytes(body)
    except Refused as error:
        refusal = RefusedEntry(run="", what="instruction", code=error.code)
        identity.ledger.write_once_a_day(refusal, identity.clock())
        raise
    asked = Asked(instruction, digest, roster)
    try:
        # put twice at once, a question waits for its own reply: else both would be worked on, and
        # of one private release two be made at the price of one
        with site.alone():
            return _answer(site, identity, asked)
    except GrandRoundsError as error:
        log.warning("%s %s: %s", site.name, instruction.heading.phase, told(error))
        failure = Failure(code=error.code, reason=error.public)
    except Exception as error:  # noqa: BLE001 (whatever a learner or library raises stays here)
        log.error("%s %s: %s", site.name, instruction.heading.phase, frames(error))  # noqa: TRY400
        failure = Failure(code="InternalError", reason="the site's own work raised an error")
    return _failed(identity, asked, failure)


def hello(site: Site, challenge: bytes) -> bytes:
    """Say which site this is, so that nobody else can: a signature over the challenge.

    Raises
    ------
    BadInput
        If the site has no keys, or has not accepted a roster it is on.
    """
    identity = _identity(site)
    return sign_hello(identity, hashlib.sha256(challenge).hexdigest())


@dataclass(frozen=True)
class Asked:
    """A verified instruction.

    Attributes
    ----------
    instruction : Instruction
        Its parcels are still sealed.
    digest : str
        SHA-256 of its body.
    roster : Roster
        That it goes by.
    """

    instruction: Instruction
    digest: str
    roster: Roster

    @property
    def heading(self) -> Heading:
        """Which question this is."""
        return self.instruction.heading

    def entry(self, failure: str = "") -> AnsweredEntry:
        """Return what the ledger is to say of it."""
        heading = self.heading
        return AnsweredEntry(
            run=heading.run,
            round=heading.round,
            attempt=heading.attempt,
            phase=heading.phase,
            question=self.digest,
            failure=failure,
        )


def _identity(site: Site) -> Identity:
    if site.identity is None:
        raise BadInput(
            "this site has no keys, and can neither be asked nor answer",
            where=f"site {site.name}",
            remedy="grandrounds site init makes them",
        )
    return site.identity


def _answer(site: Site, identity: Identity, asked: Asked) -> bytes:
    _check_address(site, identity, asked)
    key = reply_key(asked.heading)
    kept = site.store.get(key)
    digest = bytes.fromhex(asked.digest)
    if kept is not None:
        if kept[:_DIGEST] != digest:
            raise Stale("the question was answered before, with other content")
        return kept[_DIGEST:]
    _check_order(site, asked.heading)
    opened = open_parcels(identity, asked.instruction, asked.roster, site.store)
    state = State(site.store, asked.heading.run)
    instruction, doubts = with_true_scores(identity, opened.instruction, state, asked.roster)
    _write_down(identity, asked, [*opened.events, *doubts])
    question = Question(site, state, instruction)
    outcome = phases.perform(question)
    report = with_unopened(outcome.report, opened.refused)
    return _send(question, identity, asked, opened.heads, replace(outcome, report=report))


def _write_down(identity: Identity, asked: Asked, events: Sequence[Event]) -> None:
    """Say what came, before any work, so that it stands there whatever becomes of the work.

    A question that fails may be put without end: its lines are written once a day.
    """
    now = identity.clock()
    if events and not identity.ledger.failed_today(asked.digest, now):
        identity.ledger.write(events, now)


def _send(
    question: Question,
    identity: Identity,
    asked: Asked,
    heads: Mapping[str, bytes],
    outcome: Outcome,
) -> bytes:
    """Seal, write down, sign, keep: if the ledger or the store fails, nothing leaves."""

    def rows_in(parcel: Parcel) -> int | None:
        if parcel.kind != "instances":
            return None
        return len(VirtualInstances.from_bytes(parcel.payload, question.bounds))

    heading = asked.heading
    parcels, sealed = seal_parcels(identity, heading, outcome.parcels, asked.roster, rows_in)
    identity.ledger.write([*sealed, asked.entry()], identity.clock())
    report = with_signatures(
        identity, question.instruction, question.state, rounded(outcome.report), asked.roster
    )
    body = Reply(ReplyBody(heading=heading, report=report), parcels).to_bytes()
    reply = sign_reply(identity, body, asked.digest, asked.roster)
    plain = Reply(ReplyBody(heading=heading, report=outcome.report), outcome.parcels)
    changes = {
        **outcome.changes,
        ROSTER_VERSION: asked.roster.fingerprint.encode(),
        said(heading): plain.to_bytes(),
    }
    named = {f"{heading.run}/{name}": value for name, value in changes.items()}
    kept = bytes.fromhex(asked.digest) + reply
    store = question.site.store
    store.update({**heads, **with_run(store, heading.run), **named, reply_key(heading): kept})
    for key in outlived(store, heading):
        del store[key]
    return reply


def _failed(identity: Identity, asked: Asked, failure: Failure) -> bytes:
    identity.ledger.write_once_a_day(asked.entry(failure.code), identity.clock())
    body = Reply.failed(asked.heading, failure).to_bytes()
    return sign_reply(identity, body, asked.digest, asked.roster)


def _check_address(site: Site, identity: Identity, asked: Asked) -> None:
    body = asked.instruction.body
    if body.heading.site != site.name or site.name not in body.sites:
        raise UnknownSite("the instruction is for another site")
    if body.heading.round > body.rules.rounds:
        raise Stale(f"the run is over: by its rules it has {body.rules.rounds} rounds")
    for name in body.sites:
        identity.trust.member(asked.roster, name, "site")
    state = State(site.store, body.heading.run)
    rules = state.get(RULES)
    if rules is None:
        check_rules(site, body.rules)
    elif rules != body.rules.model_dump_json().encode():
        # another seed would split anew, and held-out rows would be trained on
        raise Stale("the rules of a run do not change")
    if state.get(ROSTER) not in (None, json.dumps(body.sites).encode()):
        # another roster would choose this site's peers, and rename its teachers
        raise Stale("the members of a run do not change")
    begun = state.get(ROSTER_VERSION)
    if begun is None:
        check_current(identity, asked.roster)
    elif begun != asked.roster.fingerprint.encode():
        raise Stale("the roster of a run does not change")


def _check_order(site: Site, heading: Heading) -> None:
    """Refuse a question older than one already answered in the run."""
    asked = (heading.round, heading.attempt, PHASES.index(heading.phase))
    for key in site.store:
        run, _, rest = key.partition("/reply/")
        if rest and run == heading.run:
            round_, attempt, phase = rest.split("/")
            if (int(round_), int(attempt), [*PHASES].index(phase)) > asked:  # type: ignore[arg-type]
                raise Stale("a later phase of this run was answered already")
