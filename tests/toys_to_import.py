"""Makes the toys known to the course: for ``python -m course --import toys_to_import``."""

from toys import GRU_KIND, ReverseCopy, WhichCame

from course.machines import MACHINES
from course.recipes import RECIPES, Recipe, by_name
from course.tasks import TASKS
from course.training import Training

TASKS |= {"reverse-copy": ReverseCopy(), "which-came": WhichCame()}
MACHINES["gru"] = GRU_KIND
RECIPES |= by_name(
    [
        Recipe("reverse-copy", "gru", {"hidden_size": 30}, Training(steps=5)),
        Recipe("reverse-copy", "ntm-lstm", {"controller_size": 10, "N": 8, "M": 6}, Training(steps=5)),
        Recipe("which-came", "gru", training=Training(steps=300, learning_rate=1e-2, stop_when_solved=True)),
    ]
)
