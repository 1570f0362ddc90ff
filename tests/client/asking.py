"""How a coordinator asks one site, for tests of what it answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from grandrounds_client import state as kept
from grandrounds_client.service import answer
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, open_site
from grandrounds_client.state import State
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import WorkFailed
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import (
    AdoptOrder,
    DistillOrder,
    Failure,
    Heading,
    InstructionBody,
    Order,
    Phase,
    PublishOrder,
    RetrainOrder,
    ReviewOrder,
)
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.signed import Signed
from tests import keys

Make = Callable[..., SiteSettings]
ROWS = "age,sex,stage,outcome\n" + "".join(
    f"{20 + i},{'fm'[i % 2]},{['I', 'II', 'III'][i % 3]},{int(i > 30)}\n" for i in range(60)
)


def opened(federation: Federation, settings: SiteSettings, path: Path) -> Site:
    return open_site(settings, path.parent, federation, {}, identity=keys.identity(settings.name))


def ask(
    site: Site,
    phase: Phase,
    *parcels: Parcel,
    round_: int = 1,
    attempt: Literal[1, 2] = 1,
    rules: Rules | None = None,
    order: Order | None = None,
    name: str | None = None,
    sites: tuple[str, ...] = ("north", "south", "west"),
    run: str = "r",
) -> bytes:
    orders: dict[Phase, Order] = {
        "publish": PublishOrder(schema_digest=site.federation.digest()),
        "distill": DistillOrder(),
        "retrain": RetrainOrder(),
        "review": ReviewOrder(),
        "adopt": AdoptOrder(scores={}),
    }
    heading = Heading(run=run, round=round_, attempt=attempt, phase=phase, site=name or site.name)
    if isinstance(order, AdoptOrder):
        order = with_signatures(site, order, heading)
    body = InstructionBody(
        heading=heading,
        sites=sites,
        rules=rules or Rules(recipe="guarded", rounds=9),
        order=order or orders[phase],
    )
    return keys.question(Instruction(body, parcels))


def with_signatures(site: Site, order: AdoptOrder, heading: Heading) -> AdoptOrder:
    """Let each reviewer sign its score of the site's own candidate."""
    candidate = State(site.store, heading.run).get(kept.candidate(heading.round, heading.attempt))
    scores = {
        reviewer: keys.scored(score, heading, site.name, reviewer, candidate or b"")
        for reviewer, score in order.scores.items()
    }
    return AdoptOrder(scores=scores)


def said(site: Site, question: bytes) -> Reply:
    """Ask, and read the reply; its parcels opened."""
    return keys.reply(answer(site, question), question)


def exact(site: Site, question: bytes) -> Reply:
    """Ask, and read what the site said to itself: before figures were rounded, and sealed."""
    heading = Instruction.from_bytes(bytes(Signed.from_bytes(question).body)).heading
    assert said(site, question).body.failure is None
    return Reply.from_bytes(site.store[f"{heading.run}/{kept.said(heading)}"])


def failure(site: Site, question: bytes) -> Failure:
    reply = said(site, question)
    assert reply.body.failure is not None
    assert reply.parcels == ()
    return reply.body.failure


class Full:
    """Lines of a ledger that cannot be written."""

    def read(self, start: int) -> bytes:  # noqa: ARG002
        return b""

    def kept(self) -> None:
        return

    def append(self, lines: bytes, at: int, before: LedgerHead, after: LedgerHead) -> None:  # noqa: ARG002
        raise WorkFailed("cannot write the ledger")
