"""A simulation may show what sites tell nobody else: exact counts, from their own stores."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from grandrounds.results import Gate
from grandrounds_client import state as kept
from grandrounds_client.phases.outgoing import Written
from grandrounds_client.site import Store
from grandrounds_client.state import State, said
from grandrounds_protocol.messages import Reply
from grandrounds_protocol.records import AdoptReport, DistillReport, Heading, RetrainReport
from grandrounds_server.rounds import Finished
from grandrounds_server.state import Record

R = TypeVar("R", DistillReport, RetrainReport, AdoptReport)


def written(store: Mapping[str, bytes], run: str, round_: int) -> Written | None:
    """Return what a site wrote in a round; None where it did not come that far."""
    found = State(store, run).get(kept.written(round_))
    return None if found is None else Written.model_validate_json(found)


def gate_of(store: Mapping[str, bytes], run: str, rounds: int) -> Gate | None:
    """Sum what a site's gate did over its teachers and rounds; None where none was there."""
    found = [written(store, run, number) for number in range(1, rounds + 1)]
    passages = [one.passages for one in found if one is not None and one.passages is not None]
    if not passages:
        return None
    passed = [one for each in passages for one in each.teachers.values()]
    refused: Counter[str] = Counter()
    for one in passed:
        refused.update(one.refused)
    return Gate(
        written=sum(one.written for one in passed),
        released=sum(one.released for one in passed),
        pushed=sum(one.pushed for one in passed),
        refused={reason: count for reason, count in sorted(refused.items()) if count},
        closed=next((each.closed for each in passages if each.closed), ""),
    )


def with_exact_counts(finished: Finished, stores: Mapping[str, Store]) -> Finished:
    """Put what each site said to itself in place of the ranges that it told others."""
    run = finished.plan.run
    return replace(
        finished, rounds=tuple(_exact(record, stores, run) for record in finished.rounds)
    )


def _exact(record: Record, stores: Mapping[str, Store], run: str) -> Record:
    distilled = {}
    for site, report in record.distilled.items():
        found, told = (
            written(stores[site], run, record.number),
            _said(record, stores, run, site, report),
        )
        distilled[site] = (
            told if found is None else told.model_copy(update={"taught": found.taught})
        )
    return replace(
        record,
        distilled=distilled,
        retrained={
            site: _said(record, stores, run, site, report)
            for site, report in record.retrained.items()
        },
        adopted={
            site: _said(record, stores, run, site, report)
            for site, report in record.adopted.items()
        },
    )


def _said(record: Record, stores: Mapping[str, Store], run: str, site: str, told: R) -> R:
    """What a site said before its figures were rounded."""
    heading = Heading(
        run=run, round=record.number, attempt=record.attempt, phase=told.phase, site=site
    )
    found = State(stores[site], run).get(said(heading))
    exact = None if found is None else Reply.from_bytes(found).body.report
    return exact if isinstance(exact, type(told)) else told
