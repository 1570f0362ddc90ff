"""A site's images in the federation's space: IDX files, or a folder with one folder per label."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.encoding import Encoded, features_of
from grandrounds_client.idx import MOST_BYTES, read_idx
from grandrounds_client.png import read_png
from grandrounds_client.settings import SiteSettings
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.names import canonical
from grandrounds_protocol.schema import Federation, Image


@dataclass(frozen=True)
class Pictures:
    """Pictures as they lie in the file.

    Attributes
    ----------
    source : str
        File or folder of the labels, for messages.
    pixels : uint8 or uint16 [N, ...]
    labels : list of str
        As the file spells them.
    places : list of str
        Where each label stands, for messages.
    """

    source: str
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    labels: list[str]
    places: list[str]


def read_images(settings: SiteSettings, folder: Path, federation: Federation) -> Encoded:
    """Read and encode a site's images: value / high, row by row, channel by channel.

    Values above `high` are clipped and counted.

    Raises
    ------
    BadInput
        If the image is not the federation's one feature, or for anything in the files that
        cannot be used: naming file or row, never a value.
    """
    feature = _only_image(federation)
    features_of(federation, settings, f"site {settings.name}")
    path = folder / settings.data
    if path.is_dir():
        pictures = _from_folder(path, settings, feature)
    else:
        pictures = _from_idx(path, settings, folder, feature)
    if not pictures.labels:
        raise BadInput("no image was found", where=str(path), remedy="see docs/hospital.md")
    x, clipped = _encode(pictures, feature)
    y = _classes(pictures, settings, federation)
    columns = np.arange(feature.width, dtype=np.int64)
    return Encoded(x, y, columns, {feature.name: clipped}, {feature.name: 0})


def _only_image(federation: Federation) -> Image:
    feature = federation.features[0]
    if len(federation.features) > 1 or not isinstance(feature, Image):
        raise BadInput(
            "an image cannot be mixed with other features",
            where="federation.toml, field features",
            remedy="let the image be the only feature",
        )
    return feature


def _from_idx(path: Path, settings: SiteSettings, folder: Path, feature: Image) -> Pictures:
    where = f"site {settings.name}, site.toml, field labels"
    if settings.labels is None:
        remedy = 'write labels = "...-idx1-ubyte.gz", or let `data` name a folder of PNG images'
        raise BadInput("images in an IDX file need a file of labels", where=where, remedy=remedy)
    height, width, channels = feature.shape
    pixels = read_idx(path, (height, width) if channels == 1 else feature.shape)
    source = folder / settings.labels
    labels = read_idx(source, ())
    if len(labels) != len(pixels):
        raise BadInput(
            f"{len(labels)} labels for {len(pixels)} images",
            where=str(source),
            remedy="name the two files that belong together",
        )
    places = [f"{source}, row {row}" for row in range(1, len(labels) + 1)]
    return Pictures(str(source), pixels, [str(label) for label in labels.tolist()], places)


def _from_folder(path: Path, settings: SiteSettings, feature: Image) -> Pictures:
    if settings.labels is not None:
        raise BadInput(
            "a folder of images has its labels as names of folders",
            where=f"site {settings.name}, site.toml, field labels",
            remedy="remove `labels`",
        )
    files = _pngs(path)
    if len(files) * feature.width > MOST_BYTES:
        problem = f"{len(files)} images, at most {MOST_BYTES // feature.width} are read"
        raise BadInput(problem, where=str(path), remedy="split the site's folder")
    pixels = np.zeros((len(files), *feature.shape), np.uint16)
    for row, file in enumerate(files):
        pixels[row] = read_png(file, feature.shape)
    labels = [file.parent.name for file in files]
    return Pictures(str(path), pixels, labels, [str(file.parent) for file in files])


def _pngs(path: Path) -> list[Path]:
    """Files `LABEL/NAME.png` below a folder, by name; hidden ones are passed over."""
    try:
        return sorted(
            file
            for label in path.iterdir()
            if label.is_dir() and not label.name.startswith(".")
            for file in label.iterdir()
            if file.suffix.lower() == ".png" and not file.name.startswith(".")
        )
    except OSError as error:
        raise BadInput(
            f"cannot read the folder: {error.strerror or 'not a readable folder'}",
            where=str(path),
            remedy="check the permissions of the folder and those in it",
        ) from None


def _encode(pictures: Pictures, feature: Image) -> tuple[Rows, int]:
    flat = pictures.pixels.reshape(len(pictures.labels), feature.width)
    clipped = int((flat > feature.high).sum())
    x: Rows = flat.astype(np.float32)
    np.clip(x / np.float32(feature.high), 0, 1, out=x)
    return x, clipped


def _classes(pictures: Pictures, settings: SiteSettings, federation: Federation) -> Labels:
    index = federation.class_of()
    known: dict[str, int | None] = {}
    for label in set(pictures.labels):
        value = canonical(label)
        known[label] = index.get(settings.label.values.get(value, value))
    for label, place in zip(pictures.labels, pictures.places, strict=True):
        if known[label] is None:
            raise BadInput(
                "the label is not one of the federation's",
                where=place,
                remedy="use a label value of federation.toml, or map it under [label] values",
            )
    return np.array([known[label] for label in pictures.labels], np.int32)
