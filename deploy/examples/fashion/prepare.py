"""Deal Fashion-MNIST's 60,000 training images to ten sites, each short of one class.

Site k keeps 30 of its 600 images of class k (95 % less); the other nine sites get the
rest, so that every site has 6,000 images and no image is at two sites.

    apt-get install dataset-fashion-mnist
    python prepare.py --out out/fashion
"""

import argparse
import gzip
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grandrounds_client.idx import read_idx
from grandrounds_protocol.errors import BadInput

HERE = Path(__file__).parent
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""
SITES = 10
KEPT = 0.05
"""Share of its weak class that a site keeps."""
IMAGES, LABELS = "images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"
SITE = """\
name = "{name}"                    # short of class {weak}
patients = false                  # clothes
data = "{images}"
labels = "{labels}"

[learner]
name = "cnn"
channels = [8, 16]
balanced = false                  # as in the paper; balancing is a rival in experiment.py
"""

Indices = npt.NDArray[np.intp]


def deal(labels: npt.NDArray[np.uint8], each: int, rng: np.random.Generator) -> list[Indices]:
    """Indices of the images of each site, `each` per site, ascending.

    Every site is dealt the same number of every class; what is cut from a site's weak class
    goes round the other sites.
    """
    share = each // SITES
    cut = share - round(share * KEPT)
    parts: list[list[int]] = [[] for _ in range(SITES)]
    for weak in range(SITES):
        of_class = rng.permutation(np.flatnonzero(labels == weak))[: share * SITES].tolist()
        for site in range(SITES):
            parts[site].extend(of_class[site * share : (site + 1) * share])
        del parts[weak][-cut:]
        for turn, image in enumerate(of_class[(weak + 1) * share - cut : (weak + 1) * share]):
            parts[(weak + 1 + turn % (SITES - 1)) % SITES].append(image)
    return [np.sort(np.array(part, np.intp)) for part in parts]


def write(source: Path, out: Path, each: int, seed: int) -> None:
    """Write `federation.toml` and each site's settings, images and labels."""
    images = read_idx(source / "train-images-idx3-ubyte.gz", (28, 28))
    labels = read_idx(source / "train-labels-idx1-ubyte.gz", ())
    most = int(np.bincount(labels, minlength=SITES).min())
    if not SITES <= each <= most:
        raise BadInput(f"--images must be {SITES} to {most}", where="command line")
    for weak, chosen in enumerate(deal(labels, each, np.random.default_rng(seed))):
        folder = out / f"site{weak}"
        folder.mkdir(parents=True, exist_ok=True)
        write_idx(folder / IMAGES, images[chosen])
        write_idx(folder / LABELS, labels[chosen])
        text = SITE.format(name=folder.name, weak=weak, images=IMAGES, labels=LABELS)
        (folder / "site.toml").write_text(text, encoding="utf-8")
    (out / "federation.toml").write_bytes((HERE / "federation.toml").read_bytes())


def write_idx(path: Path, values: npt.NDArray[np.uint8]) -> None:
    """Write unsigned bytes as a gzipped IDX file, without a time of day in it."""
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(head + values.tobytes(), mtime=0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Deal and write; return the exit code."""
    parser = argparse.ArgumentParser(description="Deal Fashion-MNIST to ten sites.")
    parser.add_argument("source", type=Path, nargs="?", default=DEBIAN, help=f"default: {DEBIAN}")
    parser.add_argument("--out", type=Path, default=Path("out/fashion"))
    parser.add_argument("--images", type=int, default=6000, help="per site (default: 6000)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    try:
        write(options.source, options.out, options.images, options.seed)
    except BadInput as error:
        parser.error(f"{error}\nget the files by `apt-get install dataset-fashion-mnist`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
