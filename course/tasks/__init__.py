"""What machines learn: the five tasks of the paper."""

from course.tasks.base import Batch, Task
from course.tasks.bits import AssociativeRecallTask, CopyTask, PrioritySortTask, RepeatCopyTask
from course.tasks.ngrams import NGramsTask

__all__ = [
    "AssociativeRecallTask",
    "Batch",
    "CopyTask",
    "NGramsTask",
    "PrioritySortTask",
    "RepeatCopyTask",
    "Task",
]
