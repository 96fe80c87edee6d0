"""Which sections belong together: by study, and by donor."""

ONE_DONOR = {"dlpfc": "Br8100", "heart_dev": "heart of 6.5 to 7 weeks"}
"""Studies whose sections are taken for one donor's: DLPFC 151673 to 151676 are of Br8100 (Maynard et al. 2021). Heart
sections are numbered 1 to 9 across CN73 and CN74, which are array slides, not hearts (Asp et al. 2019)."""

DONOR_IN_FIRST_LETTER = ("her2st",)
"""Studies that name a section by its patient's letter and its number (Andersson et al. 2021)."""


def study_of(section: str) -> str:
    """Return the study of a section: what stands before ``__`` in its name."""
    return section.split("__")[0]


def donor_of(section: str) -> str:
    """Return the donor of a section; where nothing is known of a study, each section counts as a donor of its own."""
    study, _, name = section.partition("__")
    if study in ONE_DONOR:
        return ONE_DONOR[study]
    return name[:1] if study in DONOR_IN_FIRST_LETTER else name
