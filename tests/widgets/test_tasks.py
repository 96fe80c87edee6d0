"""What the panel does off the GUI thread, done here in the open."""

import anndata as ad
import numpy as np
import pytest

from napari_stimg import keys
from napari_stimg._widgets.domain_tasks import cluster, paint
from napari_stimg._widgets.session import open_file, open_sample
from napari_stimg._widgets.tasks import Model, embed, match_genes, reconstruct, save
from napari_stimg.domains import ClusterParameters, PaintParameters
from napari_stimg.errors import InputError
from napari_stimg.progress import run
from tests.small_sections import write_two_sections


@pytest.fixture
def model(model_path):
    return Model(model_path)


@pytest.fixture
def embedding(session, model):
    return run(embed(session, model))


def test_a_file_opens_with_each_step_reported(section_path):
    said = []
    session = run(open_file(section_path), lambda progress: said.append(progress.message))
    assert session.slide.name == "small"
    assert said[0] == "Reading small.h5ad"
    assert len(said) == 4


def test_one_of_several_sections_opens(tmp_path):
    path = write_two_sections(tmp_path / "two.h5ad")
    assert run(open_file(path, section="B")).slide.n_spots == 24


def test_the_sample_has_layers_to_find():
    session = run(open_sample())
    assert session.slide.obs["layer"].nunique() > 3


def test_the_model_is_loaded_once(model):
    assert run(model.load()) is run(model.load())


def test_genes_are_matched_with_the_models(session, model):
    match, cautions = run(match_genes(session, model))
    assert len(match.columns) == 60
    assert cautions == []


@pytest.mark.parametrize(("n_genes", "expected"), [(None, 60), (7, 8), (60, 60)])
def test_as_many_genes_as_asked_for_are_reconstructed_and_the_one_on_screen(session, model, n_genes, expected):
    hidden = np.arange(session.slide.n_spots) < 20
    least = int(np.argmin(session.planes.variance))
    result = run(reconstruct(session, model, hidden=hidden, n_genes=n_genes, always=[least]))
    assert result.reconstruction.expected.shape == (20, expected)
    assert least in result.reconstruction.columns
    assert list(result.scores.index) == list(session.slide.gene_names[result.reconstruction.columns])
    assert f"20 spots x {expected} genes" in result.summary
    assert result.how["checkpoint"] == "small.safetensors"
    assert result.how["checkpoint_sha256"] == model.sha256


def test_nothing_hidden_is_an_error_to_be_shown(session, model):
    nothing = np.zeros(session.slide.n_spots, dtype=np.bool_)
    with pytest.raises(InputError, match="expected a mask that hides spots"):
        run(reconstruct(session, model, hidden=nothing, n_genes=None, always=[]))


def test_domains_without_labels_have_names_and_colours(session, model, embedding):
    domains = run(cluster(session, embedding, ClusterParameters(n_domains=3, seed=5)))
    assert domains.names == ("Domain 1", "Domain 2", "Domain 3")
    assert len(set(domains.colors)) == 3
    assert domains.how["seed"] == 5
    assert domains.how["checkpoint_sha256"] == model.sha256
    assert domains.sizes.sum() == session.slide.n_spots


def test_only_classes_that_were_scribbled_with_become_domains(session, embedding):
    session.classes, session.class_colors = ["a", "never used", "c"], ["#000001", "#000002", "#000003"]
    scribbles = np.full(session.slide.n_spots, -1)
    scribbles[:5], scribbles[-5:] = 2, 0
    domains = run(paint(session, embedding, scribbles, PaintParameters()))
    assert domains.names == ("a", "c")
    assert domains.colors == ("#000001", "#000003")
    assert domains.how["checkpoint"] == "small.safetensors"
    assert set(domains.labels) == {0, 1}
    assert domains.probabilities.shape == (session.slide.n_spots, 2)
    assert "from scribbles" in domains.summary


def test_saving_writes_what_there_is(session, tmp_path):
    session.hide(np.arange(session.slide.n_spots) < 3)
    target = run(save(session, tmp_path / "saved.h5ad", session.results()))
    assert ad.read_h5ad(target).obs[keys.MASK].sum() == 3
