"""`site.toml`: what a hospital says about its own data and model."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from grandrounds_protocol.names import Label, SiteName, canonical
from grandrounds_protocol.settings import Settings


class ColumnSettings(Settings):
    """How one feature is found in the site's file."""

    column: str | None = None
    """Name of the column, where it differs from the feature's."""
    values: dict[str, str] = Field(default_factory=dict)
    """From the file's spelling of a category or level to the federation's."""
    missing: tuple[str, ...] = ()
    """Codes that mean "missing" in this column only."""
    scale: float = Field(default=1.0, allow_inf_nan=False)
    """Of numbers: value in the federation's unit = value in the file * scale + offset."""
    offset: float = Field(default=0.0, allow_inf_nan=False)

    @field_validator("values", mode="before")
    @classmethod
    def _canonical_values(cls, values: object) -> object:
        if isinstance(values, Mapping):
            return {canonical(key): canonical(value) for key, value in values.items()}
        return values

    @field_validator("missing", mode="before")
    @classmethod
    def _canonical_codes(cls, codes: object) -> object:
        return [canonical(code) for code in codes] if isinstance(codes, list | tuple) else codes


class PrivacySettings(Settings):
    """What may be asked of this site's patients, whatever a run's rules say."""

    budget: float = Field(default=3.0, ge=0, allow_inf_nan=False)
    """Epsilon of all releases together, over every version of the file and every run."""
    min_rows: int = Field(default=10, ge=1)
    """Fewest own rows that what leaves may speak of: a run's rule holds where it is larger."""


class SiteSettings(Settings):
    """`site.toml`, checked."""

    name: SiteName
    data: str = Field(min_length=1)
    """CSV or Parquet file, IDX file of images, or folder of PNG images with a subfolder per
    label; relative to `site.toml`."""
    labels: str | None = Field(default=None, min_length=1)
    """IDX file of the labels, where `data` is an IDX file of images."""
    learner: str | dict[str, object]
    """Name of a learner, or a table with `name` and its parameters; or a table with `onnx`,
    the file of a model made elsewhere, relative to `site.toml`, that teaches and never
    learns, and perhaps `algorithm`, what the public card is to say of it."""
    features: tuple[Label, ...] | None = Field(default=None, min_length=1)
    """Features this site has; all of the federation's where left out."""
    missing: tuple[str, ...] = ("",)
    """Codes that mean "missing" in any column."""
    separator: str = Field(default=",", min_length=1, max_length=1)
    """Between the fields of a CSV file."""
    columns: dict[Label, ColumnSettings] = Field(default_factory=dict)
    label: ColumnSettings = ColumnSettings()
    """How the label is found, where it differs from the federation's name or spelling."""
    recipes: tuple[str, ...] | None = None
    """Recipes this site takes part in; where left out, the accepted federation's, and any in a
    simulation."""
    patients: bool = True
    """Whether the rows are patients'. `false`, for public or synthetic data, is the only way
    around the release gate."""
    privacy: PrivacySettings = PrivacySettings()
    witnesses: bool = True
    """Whether the site hears others about each sender's rows. `false` lets in what one house
    alone knows of a region, and any backdoor that looks like it."""
    veto_drop: float = Field(default=0.0, ge=0, le=1)
    """Own rule: refuse a candidate that gives the true class of the site's own validation rows a
    balanced probability lower than the current model's by more than this, and by more than one
    standard error; 1 refuses none."""

    @field_validator("missing", mode="before")
    @classmethod
    def _canonical_codes(cls, codes: object) -> object:
        return [canonical(code) for code in codes] if isinstance(codes, list | tuple) else codes

    @field_validator("learner")
    @classmethod
    def _named(cls, learner: str | dict[str, object]) -> str | dict[str, object]:
        if not isinstance(learner, dict) or isinstance(learner.get("name"), str):
            return learner
        if "onnx" not in learner:
            raise ValueError("a learner table needs a `name`, or `onnx`, the file of a model")
        texts = all(isinstance(value, str) and value for value in learner.values())
        if not texts or not learner.keys() <= {"onnx", "algorithm"}:
            raise ValueError(
                "beside `onnx`, a path, a learner table takes `algorithm` only, a text"
            )
        return learner

    @property
    def learner_name(self) -> str:
        """Name of the learner, `onnx` for a model made elsewhere."""
        if isinstance(self.learner, str):
            return self.learner
        return str(self.learner.get("name", "onnx"))

    @property
    def brought_model(self) -> dict[str, str] | None:
        """File of a model made elsewhere, as `onnx`, and perhaps its `algorithm`."""
        if isinstance(self.learner, str) or "name" in self.learner:
            return None
        return {key: str(value) for key, value in self.learner.items()}

    @property
    def learner_parameters(self) -> dict[str, object]:
        """Parameters of the learner, without its name."""
        if isinstance(self.learner, str):
            return {}
        return {key: value for key, value in self.learner.items() if key != "name"}
