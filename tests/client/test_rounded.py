"""What others hear of a site's figures: no count, and no share that tells one."""

from grandrounds_client.service import answer
from grandrounds_client.site import Site
from grandrounds_protocol.messages import Reply
from grandrounds_protocol.records import AdoptReport, PublishReport, RetrainReport
from tests.client.asking import ask, said
from tests.client.test_learning import lessons


def test_counts_and_figures_leave_rounded_and_stay_exact_at_home(site: Site) -> None:
    card = said(site, ask(site, "publish")).body.report
    assert isinstance(card, PublishReport)
    assert card.card.validation is not None
    assert card.card.validation.n == 10  # of 12
    answer(site, ask(site, "distill"))
    told = said(site, ask(site, "retrain", lessons())).body.report
    assert isinstance(told, RetrainReport)
    assert told.received == 10
    kept = Reply.from_bytes(site.store["r/said/1/1/retrain"]).body.report
    assert isinstance(kept, RetrainReport)
    assert kept.received == 40
    adopted = said(site, ask(site, "adopt")).body.report
    assert isinstance(adopted, AdoptReport)
    assert adopted.before.n == 10  # of 18
    for share in (adopted.before.accuracy, adopted.before.auc):
        assert share == round(share or 0, 2)
