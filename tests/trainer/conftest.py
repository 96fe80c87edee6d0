from pathlib import Path

import pytest

from tests.small_corpus import load_small_data, pack_small_corpus
from trainer.data import Data


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a corpus of three small sections, ``simulated0`` to ``simulated2``."""
    return pack_small_corpus(tmp_path_factory.mktemp("small") / "corpus")


@pytest.fixture(scope="session")
def data(corpus: Path) -> Data:
    """Return all three sections for training."""
    return load_small_data(corpus)
