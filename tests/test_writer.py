"""What napari calls to save a section from its menu."""

import anndata as ad
import numpy as np
import pytest

from napari_stimg import keys
from napari_stimg._reader import SESSION_KEY, layer_data
from napari_stimg._widgets.session import open_session
from napari_stimg._writer import write_h5ad
from napari_stimg.errors import InputError
from napari_stimg.progress import run
from tests.known_slides import simulated_slide


def test_a_section_that_no_panel_has_open_is_written_as_it_was_read(tmp_path):
    slide, target = simulated_slide(), tmp_path / "out.h5ad"
    assert write_h5ad(str(target), layer_data(slide)) == [str(target)]
    written = ad.read_h5ad(target)
    assert written.shape == slide.counts.shape
    assert keys.MASK not in written.obs
    assert keys.LATTICE_ROW in written.obs


def test_an_open_section_is_written_with_its_results_and_hears_of_it(tmp_path):
    slide, target = simulated_slide(), tmp_path / "out.h5ad"
    session = run(open_session(slide))
    session.hide(np.arange(slide.n_spots) < 5)
    ((data, attributes, kind),) = layer_data(slide)
    attributes["metadata"][SESSION_KEY] = session
    write_h5ad(str(target), [(data, attributes, kind)])
    np.testing.assert_array_equal(ad.read_h5ad(target).obs[keys.MASK], session.hidden)
    assert session.unsaved == set()
    assert session.saved_to == target


def test_layers_without_a_section_are_refused(tmp_path):
    with pytest.raises(InputError, match="expected the layers of one section, found none"):
        write_h5ad(str(tmp_path / "out.h5ad"), [(np.zeros((2, 2)), {"name": "other"}, "image")])


def test_layers_of_two_sections_are_refused(tmp_path):
    layers = [*layer_data(simulated_slide()), *layer_data(simulated_slide(seed=1))]
    with pytest.raises(InputError, match="found simulated0, simulated1; select layers of one section"):
        write_h5ad(str(tmp_path / "out.h5ad"), layers)
    assert not (tmp_path / "out.h5ad").exists()
