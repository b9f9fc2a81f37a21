"""Third-party checkpoints as model folders: one rule a tensor, and none left without a rule."""
