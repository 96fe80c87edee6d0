"""``stimg embed``: an embedding of every spot."""

from collections.abc import Generator

from napari_stimg.commands.job import Job, embed_opened, open_job, write_job
from napari_stimg.inference import InferenceParameters
from napari_stimg.progress import Progress


def embed(job: Job, *, params: InferenceParameters = InferenceParameters()) -> Generator[Progress, None, str]:
    """Yield progress, write the section with its embedding, and return what to say of it.

    Raises
    ------
    InputError
        If the section, the checkpoint or the target cannot be used.
    """
    opened = yield from open_job(job)
    _, results = yield from embed_opened(opened, params=params)
    yield from write_job(job, opened, results)
    return (
        f"{opened.slide.name}: {opened.slide.n_spots:,} spots embedded in {opened.checkpoint.model.config.width} "
        f'dimensions, in obsm["X_stimg"] of {job.target}'
    )
