"""The job file: `job.yaml` and what extensions declare → a `Job`. All errors at once, each with its place.

`read` checks the file by itself; `resolve` checks it against the operations that are installed, with settings
validated by the caller's `validate` (a worker), and gives the `Job` that everything after works with.
"""

from librarian.job.file import AudioFormat, JobFile, RecordingsEntry, RunEntry, StepEntry
from librarian.job.levels import is_whole, level_of
from librarian.job.model import (
    GROUP,
    JOB,
    RECORDING,
    Family,
    Job,
    Level,
    Recording,
    Row,
    Sighting,
    Source,
    Step,
    Table,
    is_under,
)
from librarian.job.read import MissingExtensionError, MissingModelError, Problem, Read, did_you_mean, read, read_bytes
from librarian.job.resolve import resolve
from librarian.job.tables import Validate

__all__ = [
    "GROUP",
    "JOB",
    "RECORDING",
    "AudioFormat",
    "Family",
    "Job",
    "JobFile",
    "Level",
    "MissingExtensionError",
    "MissingModelError",
    "Problem",
    "Read",
    "Recording",
    "RecordingsEntry",
    "Row",
    "RunEntry",
    "Sighting",
    "Source",
    "Step",
    "StepEntry",
    "Table",
    "Validate",
    "did_you_mean",
    "is_under",
    "is_whole",
    "level_of",
    "read",
    "read_bytes",
    "resolve",
]
