"""Whether a folder is a checkpoint, told without torch."""

from pathlib import Path

from edgeacc.errors import BadInput
from edgeacc.weights import shipped

CARD = "config.json"
HELP = "edgeacc train teacher|student|baseline STORE -o DIR"


def require_checkpoint(path: Path) -> None:
    """Refuse what holds no card.

    Raises:
        BadInput: no folder, or one without a card.
    """
    if not path.exists():
        valid = f"a checkpoint folder, or a shipped student's name: {', '.join(shipped())}"
        raise BadInput(f"{path} is not a checkpoint: it does not exist", valid=valid, next_command=HELP)
    if not (path / CARD).is_file():
        raise BadInput(f"{path} is not a checkpoint: no {CARD} in it", valid="a checkpoint folder", next_command=HELP)
