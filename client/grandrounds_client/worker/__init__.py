"""A process apart in which peers' models are parsed and run, with memory and time bounded.

The static checks keep out what they know to be bad; what onnxruntime, torch or a parser
does with a file that passes them cannot be known. So a peer's file is opened, checked and
asked in another process, and costs no more than that process if it hangs or crashes.
"""

from grandrounds_client.worker.limits import WorkerLimits
from grandrounds_client.worker.process import Worker
from grandrounds_client.worker.teachers import remote_teacher, shared_worker

__all__ = ["Worker", "WorkerLimits", "remote_teacher", "shared_worker"]
