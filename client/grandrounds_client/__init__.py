"""What runs at the hospital, and the only code that ever sees its rows.

A step a module, data passing straight through::

    site, table, encoding, split    settings and files to encoded rows
    learners                        a model of the site's own
    release | vet, teacher          own model to ONNX | peers' ONNX to teachers
    private                         rows drawn from one noisy release, in place of patients'
    expertise, recipes              who can teach whom on these rows; which lessons to write
    counterfactuals                 the lessons, written with the teacher's model
    retrain, review, adopt          what arrived, what it is worth, what is kept
    phases, app                     the five phases of a round; Flower at the edge
"""

import os

# onnxruntime tells its maker about the machine and its sessions unless told not to, and reads
# this when it is imported: before any module here can import it
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
