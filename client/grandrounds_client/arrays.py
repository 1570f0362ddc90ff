"""Names for the arrays that pass through the client. N rows, D encoded columns, C classes."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
"""Encoded rows, float32 [N, D] (or [N, d] on a site's own columns), in [0, 1]."""
Labels = npt.NDArray[np.int32]
"""Class indices, int32 [N]."""
Probabilities = npt.NDArray[np.float32]
"""Class probabilities, float32 [N, C]."""
Columns = npt.NDArray[np.int64]
"""Indices of encoded columns, ascending."""
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
"""One float32 number per row."""
