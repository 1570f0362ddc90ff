"""What the run's recipe is to see: the site's own training rows, or drawn ones.

A recipe on drawn seeds takes one look at private rows, through the noisy release. All that
goes on from there is handed a question to a site without rows, so that nothing in it can
depend on them.
"""

from dataclasses import dataclass, replace

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.expertise import expertise
from grandrounds_client.phases.base import Question
from grandrounds_client.private import committee, draw, release_of
from grandrounds_client.recipes import Classroom, works_on_drawn_seeds
from grandrounds_client.split import Examples


@dataclass(frozen=True)
class Seen:
    """Rows that a recipe may look at.

    Attributes
    ----------
    examples : Examples
        The labels of drawn rows are not to be used: the committee gives others.
    drawn : bool
    """

    examples: Examples
    drawn: bool

    def classroom(self, probabilities: Probabilities, sure: float) -> Classroom:
        """Put the rows before a recipe; of drawn ones those that the committee is sure of.

        Parameters
        ----------
        probabilities : float32 [K, N, C]
            What each model says of the rows.
        sure : float
            How sure the committee must be of a drawn row's label.
        """
        x, y = self.examples.x, self.examples.y
        if self.drawn:
            labelled = committee(probabilities, sure)
            x, y, probabilities = x[labelled.rows], labelled.y, probabilities[:, labelled.rows]
        return Classroom(x, y, expertise(probabilities, y), probabilities, self.drawn)


@dataclass(frozen=True)
class Desk:
    """What lessons are made from.

    Attributes
    ----------
    question : Question
        As it was asked; where rows were drawn, to a site that holds none.
    seen : Seen
    """

    question: Question
    seen: Seen

    @property
    def x(self) -> Rows:
        """The rows, float32 [N, D]."""
        return self.seen.examples.x

    def classroom(self, probabilities: Probabilities) -> Classroom:
        """Put the rows before the run's recipe; `probabilities` as `Seen.classroom` has them."""
        return self.seen.classroom(probabilities, self.question.rules.sure)


def desk(question: Question) -> Desk:
    """Look at private rows as the recipe allows.

    Raises
    ------
    BadInput, BudgetSpent
        Where rows are to be drawn and the site may not, or cannot, release what it takes.
    """
    if not works_on_drawn_seeds(question.recipe):
        return Desk(question, Seen(question.split.train, drawn=False))
    release = release_of(question.site, question.split.train, question.rules)
    n = min(question.rules.seeds, question.rules.quota)
    drawn = draw(release, n, question.rng("seeds"))
    return Desk(_without_rows(question), Seen(drawn, drawn=True))


def _without_rows(question: Question) -> Question:
    rows = question.site.rows
    none = replace(rows, x=rows.x[:0], y=rows.y[:0], clipped={}, missing={})
    return replace(question, site=replace(question.site, rows=none))
