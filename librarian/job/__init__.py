"""The job file: `job.yaml` and what extensions declare → a `Job`. All errors at once, each with its place.

`read` checks the file by itself; `resolve` checks it against the operations that are installed, with settings
validated by the caller's `validate` (a worker), and gives the `Job` that everything after works with.
"""

from librarian.job.file import AudioFormat, JobFile, RecordingsEntry, RunEntry, StepEntry
from librarian.job.model import Job, Recording, Sighting, Source, Step
from librarian.job.read import MissingExtensionError, Problem, Read, read, read_bytes
from librarian.job.resolve import Validate, did_you_mean, resolve

__all__ = [
    "AudioFormat",
    "Job",
    "JobFile",
    "MissingExtensionError",
    "Problem",
    "Read",
    "Recording",
    "RecordingsEntry",
    "RunEntry",
    "Sighting",
    "Source",
    "Step",
    "StepEntry",
    "Validate",
    "did_you_mean",
    "read",
    "read_bytes",
    "resolve",
]
