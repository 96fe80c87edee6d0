import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from napari_stimg.checkpoint import load_checkpoint, save_checkpoint
from napari_stimg.checkpoint_file import BUNDLED, bundled_path, checksum, read_checkpoint_file, read_texts
from napari_stimg.errors import InputError
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.vocabulary import Vocabulary
from tests.known_slides import activate

VOCABULARY = Vocabulary(symbols=("ACTB", "GÈNE", "MBP"), aliases={"ENSG00000197971": 2, "OLD": 0})
CARD = {"sections": ["a", "b"], "steps": 7, "fit": {"learning_rate": 1e-3}}
CONFIG = MAEConfig(n_genes=3, width=4, n_heads=2, n_encoder_layers=1, n_decoder_layers=0, scales=(0.5, 2.5))


@pytest.fixture
def model() -> MaskedAutoencoder:
    torch.manual_seed(0)
    return activate(MaskedAutoencoder(CONFIG))


@pytest.fixture
def path(model: MaskedAutoencoder, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(model, VOCABULARY, CARD, path)
    return path


def test_a_checkpoint_comes_back_as_it_was_saved(model: MaskedAutoencoder, path: Path) -> None:
    loaded = load_checkpoint(path)
    assert asdict(loaded.model.config) == asdict(CONFIG)
    assert (loaded.vocabulary.symbols, loaded.vocabulary.aliases) == (VOCABULARY.symbols, VOCABULARY.aliases)
    assert loaded.card == CARD
    assert loaded.path == path
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], tensor.half().float(), rtol=0, atol=0)


def test_a_loaded_model_is_ready_to_use_in_float32(path: Path) -> None:
    loaded = load_checkpoint(path, device="cpu")
    assert not loaded.model.training
    assert {weight.dtype for weight in loaded.model.parameters()} == {torch.float32}
    assert {weight.device.type for weight in loaded.model.parameters()} == {"cpu"}


def test_a_model_may_be_loaded_onto_another_device(path: Path) -> None:
    assert load_checkpoint(path, device="meta").model.gene_in.weight.device.type == "meta"


def test_the_checksum_is_returned_when_saved_and_when_loaded(model: MaskedAutoencoder, tmp_path: Path) -> None:
    paths = [tmp_path / "first.safetensors", tmp_path / "second.safetensors"]
    saved = [save_checkpoint(model, VOCABULARY, CARD, path) for path in paths]
    assert saved[0] == saved[1] == load_checkpoint(paths[0]).sha256
    assert len(saved[0]) == 64


@pytest.mark.parametrize("what", ["weight", "vocabulary", "card"])
def test_another_content_has_another_checksum(what: str, model: MaskedAutoencoder, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    before = save_checkpoint(model, VOCABULARY, CARD, path)
    vocabulary, card = VOCABULARY, CARD
    if what == "weight":
        with torch.no_grad():
            model.gene_in.weight[0, 0] += 1
    elif what == "vocabulary":
        vocabulary = Vocabulary(symbols=("ACTB", "GENE", "MBP"), aliases={})
    else:
        card = CARD | {"steps": 8}
    assert save_checkpoint(model, vocabulary, card, path) != before


def test_saving_leaves_nothing_but_the_checkpoint(path: Path) -> None:
    assert [file.name for file in path.parent.iterdir()] == ["model.safetensors"]


def test_a_checkpoint_may_be_read_by_all_who_may_read_other_files(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode


def test_saving_replaces_an_older_checkpoint(model: MaskedAutoencoder, path: Path) -> None:
    save_checkpoint(model, VOCABULARY, {"steps": 8}, path)
    assert load_checkpoint(path).card == {"steps": 8}


def test_without_a_path_the_bundled_checkpoint_is_meant() -> None:
    assert bundled_path().name == BUNDLED
    assert bundled_path().parent.parent.name == "napari_stimg"


def damaged(path: Path, position: int, byte: int) -> Path:
    content = bytearray(path.read_bytes())
    content[position] = byte
    path.write_bytes(content)
    return path


def test_any_flipped_byte_is_found(path: Path) -> None:
    content = path.read_bytes()
    flipped = path.with_name("flipped.safetensors")
    for position in range(0, len(content), 7):
        flipped.write_bytes(content)
        with pytest.raises(InputError, match=r"flipped\.safetensors"):
            load_checkpoint(damaged(flipped, position, content[position] ^ 0x10))


def test_a_corrupted_weight_is_found_by_the_checksum(path: Path) -> None:
    sha256 = load_checkpoint(path).sha256
    content = path.read_bytes()
    with pytest.raises(
        InputError, match=f"expected the checksum {sha256[:12]} of model.safetensors, found .*; the file is corrupted"
    ):
        load_checkpoint(damaged(path, len(content) - 1, content[-1] ^ 1))


def test_weights_read_as_another_type_are_found(path: Path) -> None:
    position = path.read_bytes().index(b'"dtype":"F16"') + len(b'"dtype":"')
    with pytest.raises(InputError, match="the file is corrupted, get it again"):
        load_checkpoint(damaged(path, position, ord("I")))  # I16: the same bytes, other numbers


def test_a_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a checkpoint at .*gone.safetensors, found no file; give the path"):
        load_checkpoint(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\x10\x00\x00\x00\x00\x00\x00\x00{"])
def test_a_file_that_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"expected a safetensors checkpoint, found other.safetensors, which cannot be read .*get it"
    ):
        load_checkpoint(path)


def test_a_truncated_checkpoint_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model.safetensors, which cannot be read"):
        load_checkpoint(path)


@pytest.mark.parametrize(("metadata", "found"), [(None, "another"), ({"format": "pt"}, "pt")])
def test_a_safetensors_file_of_another_project_is_refused(
    metadata: dict[str, str] | None, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": np.ones(3, dtype=np.float16)}, path, metadata=metadata)
    with pytest.raises(
        InputError,
        match=f"expected a checkpoint of the format stimg-mae-1, found {found} in other.safetensors; give one that",
    ):
        load_checkpoint(path)


def test_the_vocabulary_can_be_read_without_the_model(path: Path) -> None:
    file = read_checkpoint_file(path)
    assert file.vocabulary.symbols == VOCABULARY.symbols
    assert file.sha256 == load_checkpoint(path).sha256


def test_a_model_that_this_version_cannot_build_is_refused(model: MaskedAutoencoder, path: Path) -> None:
    texts = read_checkpoint_file(path).texts
    config = json.loads(texts["config"]) | {"of_a_later_version": 1}
    tensors = {name: tensor.half().numpy() for name, tensor in model.state_dict().items()}
    later = dict(texts) | {"config": json.dumps(config)}
    save_file(tensors, path, metadata=later | {"sha256": checksum(tensors, later)})
    with pytest.raises(
        InputError,
        match=r"expected a model that napari-stimg \S+ can build, found another in model.safetensors "
        r"\(.*of_a_later_version.*\); update napari-stimg, or choose another model",
    ):
        load_checkpoint(path)


def test_the_texts_can_be_read_without_the_tensors(path: Path) -> None:
    texts = read_texts(path)
    assert json.loads(texts["card"]) == CARD
    assert texts["sha256"] == load_checkpoint(path).sha256
