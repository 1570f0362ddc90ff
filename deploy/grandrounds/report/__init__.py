"""`report.html`: what a run came to, for people. One page for all, one private page per site.

A `story` is what the page for all tells, the modules beside it put it into sentences, charts and
tables, and `page` writes it down with the templates. Nothing here computes a result.

A coordinator has no learning library, and writes that page too. What opens sites, as only a
simulation can, is apart: `simulated`, `private_map`, `site_page` and `write`.
"""
