"""What machines learn, by name: the five tasks of the paper at its sizes."""

from course.tasks.base import Batch, BitsTask, Task
from course.tasks.bits import AssociativeRecallTask, CopyTask, PrioritySortTask, RepeatCopyTask
from course.tasks.ngrams import NGramsTask

__all__ = [
    "TASKS",
    "AssociativeRecallTask",
    "Batch",
    "BitsTask",
    "CopyTask",
    "NGramsTask",
    "PrioritySortTask",
    "RepeatCopyTask",
    "Task",
]

TASKS: dict[str, Task] = {
    "copy": CopyTask(),
    "repeat-copy": RepeatCopyTask(),
    "associative-recall": AssociativeRecallTask(),
    "n-grams": NGramsTask(),
    "priority-sort": PrioritySortTask(),
}
