"""What an evaluation refuses to do."""

import pytest

from napari_stimg.errors import InputError
from trainer.evaluation.parameters import EvaluateParameters


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"expected parts of an evaluation \(reconstruction, domains, probes\), found x;"
    ):
        EvaluateParameters(what=("domains", "x"))
    with pytest.raises(InputError, match="found none; name one or several"):
        EvaluateParameters(what=())


@pytest.mark.parametrize("given", [{"sides": (4, 0)}, {"n_squares": 0}, {"n_seeds": 0}, {"n_scribbles": 0}])
def test_numbers_below_one_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(InputError, match="genes, seeds and scribbles of at least 1, found EvaluateParameters"):
        EvaluateParameters(**given)
