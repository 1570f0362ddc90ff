"""What a run tells about patients, as far as one run can say.

::

    figures ── departed    what left a site, read from what the site kept
       ├────── parts       which of its rows it trained on
       ├────── nearness    how near the released rows are to patients
       └────── membership  who was trained on? told by what released rows are like

`grandrounds.bench.leakage` attacks with more than one run.
"""

from grandrounds.privacy.figures import of_run, of_site

__all__ = ["of_run", "of_site"]
