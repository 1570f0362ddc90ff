"""`report.html`: what a run came to, for people. One page for all, one private page per site.

`story` gathers what the pages tell, the modules beside it put it into sentences, charts and
tables, and `page` writes it down with the templates. Nothing here computes a result.
"""

from grandrounds.report.write import write_reports

__all__ = ["write_reports"]
