"""What a learner sees is made of: pages that are HTML and text at once, tables, figures, and waiting that says what for."""
