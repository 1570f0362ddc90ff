"""The site's outer door: who asks, by which roster, when, and what is let through."""

from dataclasses import replace

import pytest

from grandrounds_client import phases
from grandrounds_client import state as kept
from grandrounds_client.identity import Identity
from grandrounds_client.ledger import (
    AnsweredEntry,
    Ledger,
    OpenedEntry,
    RefusedEntry,
    SealedEntry,
)
from grandrounds_client.service import answer, hello
from grandrounds_client.signed_scores import with_true_scores
from grandrounds_client.site import Site
from grandrounds_client.state import State
from grandrounds_protocol.errors import (
    BadInput,
    BadMessage,
    BadSignature,
    ClockSkew,
    RosterNotAccepted,
    Stale,
    UnknownSite,
    WorkFailed,
)
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import AdoptOrder, AdoptReport, Score
from grandrounds_protocol.roster import Member, Roster, sign_roster
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.signed import Signed
from grandrounds_protocol.times import DAY
from grandrounds_protocol.trust import Trust
from grandrounds_server.office import Office
from tests import keys
from tests.client.asking import Full, ask, failure, said


def identity(site: Site) -> Identity:
    assert site.identity is not None
    return site.identity


def body_of(question: bytes) -> bytes:
    return bytes(Signed.from_bytes(question).body)


def refusals(site: Site) -> list[str]:
    entries = identity(site).ledger.entries()
    return [entry.what.code for entry in entries if isinstance(entry.what, RefusedEntry)]


def test_an_instruction_signed_by_a_peer_is_refused(site: Site) -> None:
    # a registered node of Flower may put instructions to any other
    forger = replace(keys.OFFICE, keys=keys.KEYS.sites["south"])
    with pytest.raises(BadSignature):
        answer(site, forger.sign(body_of(ask(site, "publish")), "north"))
    assert dict(site.store) == {}
    assert refusals(site) == ["BadSignature"]


def test_an_unsigned_instruction_is_refused(site: Site) -> None:
    with pytest.raises(BadMessage):
        answer(site, body_of(ask(site, "publish")))


def test_an_instruction_changed_on_its_way_is_refused(site: Site) -> None:
    data = bytearray(ask(site, "publish"))
    data[-20] ^= 1
    with pytest.raises(BadSignature):
        answer(site, bytes(data))


def test_what_nobody_signed_does_not_make_the_ledger_grow(site: Site) -> None:
    question = ask(site, "publish")
    answer(site, question)
    forged = replace(keys.OFFICE, keys=keys.KEYS.sites["south"]).sign(body_of(question), "north")
    before = identity(site).ledger.head.entries
    for number in range(20):
        for data in (b"%d" % number, forged):
            with pytest.raises((BadMessage, BadSignature)):
                answer(site, data)
    assert refusals(site) == ["BadMessage", "BadSignature"]
    assert identity(site).ledger.head.entries == before + 2


def test_a_refused_question_shown_again_and_again_has_one_line(site: Site) -> None:
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase))
    old = ask(site, "publish", rules=Rules(recipe="guarded", rounds=9, seed=1))
    before = identity(site).ledger.head.entries
    for _ in range(5):
        assert failure(site, old).code == "Stale"
    assert identity(site).ledger.head.entries == before + 1


def test_a_question_that_fails_with_its_parcels_again_and_again_has_their_lines_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(site, ask(site, "publish"))
    release = site.store[f"r/{kept.CURRENT}"]
    parcels = [Parcel("release", name, ("north",), release) for name in ("south", "west")]
    whole = Instruction.from_bytes(body_of(ask(site, "distill", *parcels)))
    broken = replace(whole.parcels[1], payload=b"no envelope")
    question = keys.OFFICE.sign(
        replace(whole, parcels=(whole.parcels[0], broken)).to_bytes(), "north"
    )
    monkeypatch.setattr(phases, "perform", lambda _: 1 // 0)
    before = identity(site).ledger.head.entries
    for _ in range(5):
        assert failure(site, question).code == "InternalError"
    events = [entry.what for entry in identity(site).ledger.entries()][before:]
    assert [event.event for event in events] == ["opened", "refused", "answered"]
    tomorrow = replace(identity(site), clock=lambda: keys.OFFICE.clock() + DAY)
    answer(replace(site, identity=tomorrow), question)
    assert identity(site).ledger.head.entries == before + 6


def test_an_instruction_from_the_future_is_refused_naming_both_times(site: Site) -> None:
    fast = replace(keys.OFFICE, clock=lambda: keys.OFFICE.clock() + DAY)
    with pytest.raises(ClockSkew, match=r"was made at .* and here it is"):
        answer(site, fast.sign(body_of(ask(site, "publish")), "north"))


def test_an_instruction_that_expired_is_refused(site: Site) -> None:
    late = replace(identity(site), clock=lambda: keys.OFFICE.clock() + 3 * DAY)
    with pytest.raises(Stale, match="expired"):
        answer(replace(site, identity=late), ask(site, "publish"))


def version_two(members: tuple[Member, ...]) -> Roster:
    return Roster.model_validate({**keys.ROSTER.model_dump(), "version": 2, "members": members})


def newer(*, without: str = "") -> Trust:
    """Accept a second version of the roster, perhaps without a member."""
    members = tuple(member for member in keys.ROSTER.members if member.name != without)
    roster = version_two(members)
    trust = Trust(keys.KEYS.authority.public.fingerprint, keys.ROSTER)
    offered = trust.offered(sign_roster(roster, keys.KEYS.authority), keys.OFFICE.clock())
    return trust.accept(offered)


def test_an_instruction_by_a_roster_never_accepted_is_refused(site: Site) -> None:
    other = version_two(keys.ROSTER.members)
    office = replace(keys.OFFICE, roster=other)
    with pytest.raises(RosterNotAccepted):
        answer(site, office.sign(body_of(ask(site, "publish")), "north"))


def test_a_run_begins_by_the_newest_roster_only(site: Site) -> None:
    updated = replace(site, identity=replace(identity(site), trust=newer()))
    assert failure(updated, ask(site, "publish")).code == "RosterNotAccepted"


def test_a_run_that_began_goes_on_by_its_roster_when_a_newer_one_is_accepted(site: Site) -> None:
    answer(site, ask(site, "publish"))
    updated = replace(site, identity=replace(identity(site), trust=newer()))
    assert said(updated, ask(site, "distill")).body.failure is None


def test_the_version_of_the_roster_does_not_change_within_a_run(site: Site) -> None:
    # a newer one may name other keys for a peer: what began with some ends with them
    answer(site, ask(site, "publish"))
    kept_before = dict(site.store)
    trust = newer()
    updated = replace(site, identity=replace(identity(site), trust=trust))
    office = replace(keys.OFFICE, roster=trust.current)
    question = office.sign(body_of(ask(site, "distill")), "north")
    failed = office.read(
        answer(updated, question), "north", Signed.from_bytes(question).digest
    ).body.failure
    assert failed is not None
    assert failed.code == "Stale"
    assert dict(site.store) == kept_before


def test_a_member_revoked_during_a_run_is_refused(site: Site) -> None:
    answer(site, ask(site, "publish"))
    updated = replace(site, identity=replace(identity(site), trust=newer(without="west")))
    assert failure(updated, ask(site, "distill")).code == "UnknownSite"


def test_a_run_with_somebody_who_is_no_member_is_refused(site: Site) -> None:
    question = ask(site, "publish", sites=("north", "south", "mallory"))
    assert failure(site, question).code == "UnknownSite"


def test_a_repeat_signed_later_gets_the_same_reply(site: Site) -> None:
    question = ask(site, "publish")
    first = answer(site, question)
    later = Office(keys.OFFICE.keys, keys.ROSTER, lambda: keys.OFFICE.clock() + 60)
    assert answer(site, later.sign(body_of(question), "north")) == first


def test_an_envelope_of_an_earlier_round_does_not_open(site: Site) -> None:
    answer(site, ask(site, "publish"))
    old = ask(site, "distill", Parcel("release", "south", ("north",), b"x"))
    parcel = Instruction.from_bytes(body_of(old)).parcels[0]
    answer(site, ask(site, "publish", round_=2))
    fresh = Instruction.from_bytes(body_of(ask(site, "distill", round_=2)))
    replayed = keys.OFFICE.sign(replace(fresh, parcels=(parcel,)).to_bytes(), "north")
    report = said(site, replayed).body.report
    assert report is not None
    assert report.refused == {"south": "Stale"}  # type: ignore[union-attr]
    assert refusals(site) == ["Stale"]


def test_a_forged_score_does_not_count(site: Site) -> None:
    answer(site, ask(site, "publish"))
    honest = AdoptOrder(scores={"south": Score(current=0.5, candidate=0.4)})
    question = Instruction.from_bytes(body_of(ask(site, "adopt", order=honest)))
    order = question.body.order
    assert isinstance(order, AdoptOrder)
    lie = order.scores["south"].model_copy(update={"candidate": 0.9})
    forged = question.body.model_copy(update={"order": AdoptOrder(scores={"south": lie})})
    report = said(site, keys.OFFICE.sign(Instruction(forged).to_bytes(), "north")).body.report
    assert isinstance(report, AdoptReport)
    assert report.verdict.reviewers == 0
    assert refusals(site) == ["BadSignature"]


def revoking(name: str) -> Trust:
    """Accept a second version in which a member has new keys, its old ones revoked."""
    gone = keys.ROSTER.member(name, "site")
    fresh = gone.model_copy(update={"keys": KeyPair.generate().public})
    members = tuple(fresh if member is gone else member for member in keys.ROSTER.members)
    table = {**version_two(members).model_dump(), "revoked": (gone.keys.fingerprint,)}
    return Trust(
        keys.KEYS.authority.public.fingerprint, Roster.model_validate(table), (keys.ROSTER,)
    )


@pytest.mark.parametrize("revoke", [False, True])
def test_a_score_by_revoked_keys_does_not_count(site: Site, *, revoke: bool) -> None:
    answer(site, ask(site, "publish"))
    scores = {"east": Score(current=0.5, candidate=0.4)}
    question = Instruction.from_bytes(body_of(ask(site, "adopt", order=AdoptOrder(scores=scores))))
    me = replace(identity(site), trust=revoking("east")) if revoke else identity(site)
    found, events = with_true_scores(me, question, State(site.store, "r"), keys.ROSTER)
    assert isinstance(found.body.order, AdoptOrder)
    assert list(found.body.order.scores) == ([] if revoke else ["east"])
    refusal = RefusedEntry(run="r", what="score of east", code="UnknownSite")
    assert events == ((refusal,) if revoke else ())


@pytest.mark.parametrize("trust", [newer(without="south"), revoking("south")])
def test_a_reviewer_revoked_before_the_verdict_has_no_part_in_it(site: Site, trust: Trust) -> None:
    for phase in ("publish", "distill", "retrain"):
        answer(site, ask(site, phase))
    order = AdoptOrder(scores={"south": Score(current=0.1, candidate=0.9)})
    question = ask(site, "adopt", order=order)
    kept_before = dict(site.store)
    updated = replace(site, identity=replace(identity(site), trust=trust))
    assert failure(updated, question).code == "UnknownSite"
    assert dict(site.store) == kept_before
    report = said(site, question).body.report  # before the revocation it would have counted
    assert isinstance(report, AdoptReport)
    assert report.verdict.reviewers > 0


def test_the_ledger_says_what_was_asked_opened_and_sealed(site: Site) -> None:
    answer(site, ask(site, "publish"))
    release = site.store[f"r/{kept.CURRENT}"]
    answer(site, ask(site, "distill", Parcel("release", "south", ("north",), release)))
    events = [entry.what for entry in identity(site).ledger.entries()]
    sealed = [event for event in events if isinstance(event, SealedEntry)]
    assert [(event.place.kind, event.recipients) for event in sealed][:1] == [
        ("release", ("south", "west"))
    ]
    assert [event.sender for event in events if isinstance(event, OpenedEntry)] == ["south"]
    answered = [event.phase for event in events if isinstance(event, AnsweredEntry)]
    assert answered == ["publish", "distill"]


def test_where_the_ledger_cannot_be_written_nothing_leaves(site: Site) -> None:
    mute = replace(site, identity=replace(identity(site), ledger=Ledger(Full())))
    with pytest.raises(WorkFailed):
        answer(mute, ask(site, "publish"))
    assert dict(site.store) == {}


def test_a_site_without_keys_is_not_asked(site: Site) -> None:
    with pytest.raises(BadInput, match="grandrounds site init"):
        answer(replace(site, identity=None), ask(site, "publish"))


def test_a_reply_goes_to_the_question_it_answers_only(site: Site) -> None:
    question, other = ask(site, "publish"), ask(site, "publish", round_=2)
    reply = answer(site, question)
    with pytest.raises(Stale, match="another question"):
        keys.OFFICE.read(reply, "north", Signed.from_bytes(other).digest)


def test_a_reply_forged_by_another_member_is_refused(site: Site) -> None:
    # a registered node of Flower may answer in the name of any other
    question = ask(site, "publish")
    reply = Signed.from_bytes(answer(site, question))
    with pytest.raises(BadSignature):
        keys.OFFICE.read(
            b"GRS\x01"
            + len(reply.head_bytes).to_bytes(4, "big")
            + reply.head_bytes
            + keys.KEYS.sites["south"].sign("reply", b"whatever")
            + bytes(reply.body),
            "north",
            Signed.from_bytes(question).digest,
        )
    with pytest.raises(BadSignature):
        keys.OFFICE.read(answer(site, question), "south", Signed.from_bytes(question).digest)


def test_a_site_proves_its_name_and_cannot_take_anothers(site: Site) -> None:
    assert keys.OFFICE.name(hello(site, b"never used"), b"never used") == "north"
    with pytest.raises(Stale):
        keys.OFFICE.name(hello(site, b"of yesterday"), b"never used")
    liar = replace(identity(site), name="south")
    with pytest.raises(UnknownSite):
        hello(replace(site, identity=liar), b"never used")
