"""Which loss? The same network, data, steps and tuning for each, and how sure the answer is."""
