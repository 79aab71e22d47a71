"""The engine: many submissions side by side, in which order, and the verdicts that are kept."""
