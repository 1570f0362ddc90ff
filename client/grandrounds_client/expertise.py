"""Who can teach whom, on rows that never leave (CKD eq. 1)."""

from grandrounds_client.arrays import Labels, Mask, Probabilities


def expertise(probabilities: Probabilities, y: Labels) -> Mask:
    """Rows each model gets right: the sets S_i as one boolean matrix.

    Parameters
    ----------
    probabilities : float32 [K, N, C]
        Predictions of K models on the same N rows.
    y : int32 [N]

    Returns
    -------
    bool [K, N]

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[[.9, .1], [.2, .8]], [[.4, .6], [.3, .7]]], np.float32)
    >>> expertise(p, np.array([0, 1], np.int32)).tolist()
    [[True, True], [False, True]]
    """
    right: Mask = probabilities.argmax(axis=2) == y
    return right


def deficiency(correct: Mask, teacher: int, student: int) -> Mask:
    """Rows that `teacher` can teach `student`: R = S_teacher - S_student (CKD eq. 1).

    Parameters
    ----------
    correct : bool [K, N]
        From `expertise`.

    Returns
    -------
    bool [N]

    Examples
    --------
    >>> import numpy as np
    >>> deficiency(np.array([[True, True], [False, True]]), teacher=0, student=1).tolist()
    [True, False]
    """
    teachable: Mask = correct[teacher] & ~correct[student]
    return teachable
