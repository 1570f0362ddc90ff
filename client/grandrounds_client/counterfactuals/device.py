"""Where engines with gradients compute: on the graphics card, if torch sees one."""

from copy import deepcopy

import torch
from torch import nn


def device() -> torch.device:
    """Return the device of every tensor of these engines, and of the network they ask."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def placed(network: nn.Module) -> nn.Module:
    """Return the network on that device; a copy elsewhere, since the teacher's own stays put."""
    there = device()
    return network if there.type == "cpu" else deepcopy(network).to(there)
