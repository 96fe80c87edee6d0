"""Fine-tuning and writing a model, off the GUI thread; like ``tasks``, this knows neither Qt nor napari."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import Model
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress
from napari_stimg.tuning import FineTuneParameters

if TYPE_CHECKING:
    from napari_stimg.checkpoint import Checkpoint


def fine_tune(
    session: Session, model: Model, *, hidden: NDArray[np.bool_], params: FineTuneParameters
) -> Generator[Progress, None, "Checkpoint"]:
    """Return the model trained further on the section's visible spots.

    Parameters
    ----------
    hidden : (S,) bool
        True = hidden from training.
    """
    from napari_stimg.fine_tune import fine_tune as fine_tune_on

    checkpoint = yield from model.load()
    return (yield from fine_tune_on(session.slide, hidden, checkpoint, params=params))


def save_model(model: Model, target: Path) -> Generator[Progress, None, Path]:
    """Write a model as a checkpoint, and return where.

    Raises
    ------
    InputError
        If it has the name of the bundled one, or cannot be written.
    """
    from napari_stimg.checkpoint import save_checkpoint

    if target.stem == bundled_path().stem:
        raise InputError(
            f"expected a name of its own for the model, found {target.stem}, the bundled one's; name it anew."
        )
    checkpoint = yield from model.load()
    yield Progress(done=0, total=0, message=f"Saving {target.name}")
    try:
        save_checkpoint(checkpoint.model, checkpoint.vocabulary, checkpoint.card, target)
    except OSError as error:
        raise InputError(f"expected to write {target}, which failed ({error}); choose another place.") from error
    return target
