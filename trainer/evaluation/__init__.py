"""What a checkpoint is worth on given sections, beside what can be had without one (see docs/evaluation.md)."""
