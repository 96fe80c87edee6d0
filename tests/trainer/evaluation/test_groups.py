"""Studies and donors."""

import pytest

from trainer.evaluation.groups import donor_of, study_of


@pytest.mark.parametrize(
    ("section", "study", "donor"),
    [
        ("her2st__D1", "her2st", "D"),
        ("her2st__D6", "her2st", "D"),
        ("dlpfc__151673", "dlpfc", donor_of("dlpfc__151675")),
        ("heart_dev__1_CN73_E1", "heart_dev", donor_of("heart_dev__9_CN74_C1")),
        ("starmap_mpfc__BZ5", "starmap_mpfc", "BZ5"),
        ("section", "section", ""),
    ],
)
def test_names_tell_study_and_donor(section: str, study: str, donor: str) -> None:
    assert study_of(section) == study
    assert donor_of(section) == donor


def test_patients_differ() -> None:
    assert donor_of("her2st__A1") != donor_of("her2st__D1")
