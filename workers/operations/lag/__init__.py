"""The lag of a stage: what is seen of it, what that means, and the figures that people are shown."""
