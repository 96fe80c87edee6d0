"""What each choice of a recipe is worth: the same run with one setting changed at a time."""
