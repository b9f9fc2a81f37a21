"""Models by name, measured under a protocol, alone or side by side."""
