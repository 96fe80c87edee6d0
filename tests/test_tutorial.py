"""The tutorial: its pictures are there, and are those that its script makes."""

import re
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"


def test_the_tutorial_shows_each_of_its_pictures_once():
    shown = re.findall(r"\(images/tutorial/(\w+)\.jpg\)", (DOCS / "tutorial.md").read_text(encoding="utf-8"))
    made = [path.stem for path in (DOCS / "images" / "tutorial").glob("*.jpg")]
    assert sorted(shown) == sorted(made)
    for name in made:
        with Image.open(DOCS / "images" / "tutorial" / f"{name}.jpg") as image:
            assert image.width <= 1280


def test_the_script_makes_the_pictures_that_are_shown():
    stories = (DOCS.parent / "demo" / "stories.py").read_text(encoding="utf-8")
    made = re.findall(r'yield "(\w+)"', stories)
    assert sorted(made) == sorted(path.stem for path in (DOCS / "images" / "tutorial").glob("*.jpg"))
