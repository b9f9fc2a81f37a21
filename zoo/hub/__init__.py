"""Cards, names, downloads and uploads: where weights come from and where they go."""
