"""Images with boxes: every layout that is read, and the one shape it becomes."""
