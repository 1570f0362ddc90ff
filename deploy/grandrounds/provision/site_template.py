"""The `site.toml` that a hospital begins with: what it must say, and what it may."""

_TEMPLATE = """\
# What this hospital says about its own rows and model. It never leaves the house.
# A line that begins with # is not read. docs/hospital.md explains every field.

name = "{name}"

# Your file, relative to this one: one row per patient, one column per feature and one for the
# label. .csv or .parquet; for images an IDX file or a folder of PNG.
data = "rows.csv"
# separator = ";"                # between the fields of a .csv file, if not a comma
# missing = ["", "?", "NA"]      # codes that mean "missing" in any column

# The features you have, by their names in federation.toml; leave out if you have all.
# features = ["age", "sex"]

# Your model: tree, naive-bayes, svm, logistic, mlp, forest, boosting, cnn (for images).
learner = "tree"
# Or with parameters. Then leave out the line above.
# [learner]
# name = "tree"
# min_leaf = [5, 10, 20]         # a list: the best on your validation rows is taken
# balanced = true                # each class weighs alike, however rare one is

# What your rows may be used for.
# recipes = ["private"]          # recipes you take part in; the federation's if left out
# privacy = {{ budget = 3.0 }}     # most epsilon that your patients may ever bear; 3 if left out
# patients = false               # only if the rows are public or synthetic: opens the gate

# Where a column of your file has another name, spelling or unit than the federation's.
# [columns.sex]
# column = "GESCHLECHT"
# values = {{ m = "1", w = "0" }}  # your spelling = the federation's
# [columns.chol]
# missing = ["0"]                # in this column only
# scale = 38.67                  # number in the federation's unit = yours * scale + offset

# And the label.
# [label]
# column = "diagnosis"
"""


def site_template(name: str) -> str:
    """Return a `site.toml` to fill in."""
    return _TEMPLATE.format(name=name)
