"""The three main stories on a measured section in a real window; the pictures are kept where STIMG_PICTURES says."""

import os
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score

from demo.driver import PANEL, open_section
from demo.pictures import patterned_gene, telling_region
from demo.stories import crop_and_go_on, look_hide_and_reconstruct, scribble_and_paint
from napari_stimg._widgets.layers import Role


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Return the folder that pictures are kept in."""
    folder = Path(os.environ.get("STIMG_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_stories_on_a_section_of_cortex(make_napari_viewer, sections_dir, pictures):
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1600, 1000)
    _, panel = viewer.window.add_plugin_dock_widget("napari-stimg", PANEL)
    session = open_section(panel, sections_dir / "dlpfc__151674.h5ad")
    labels = session.slide.obs["layer"].astype(str).to_numpy()
    gene = patterned_gene(session)
    low, high = np.percentile(session.raster.centres, (30, 60), axis=0)
    names = []
    for name, picture in chain(
        look_hide_and_reconstruct(viewer, panel, gene=gene, region=telling_region(session, gene)),
        scribble_and_paint(viewer, panel, labels=labels),
        crop_and_go_on(viewer, panel, region=np.array([low, high])),
    ):
        Image.fromarray(picture).save(pictures / f"{name}.png")
        names.append(name)
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 100  # not one grey window
    assert names[-1] == "crop"
    hidden = session.scores.loc[session.slide.gene_names[gene]]
    assert hidden["mse"] < hidden["mse_slide_mean"]
    known = labels != "nan"
    assert adjusted_rand_score(labels[known], session.domains.labels[known]) > 0.2  # from seven strokes
    crop = panel.workspace.session
    assert set(crop.slide.spot_names) < set(session.slide.spot_names)
    assert panel.workspace.pictures.layers.get(Role.GENE).visible
