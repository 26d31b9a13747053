"""What people read about a model: card, pages, plots; it computes nothing that `judge` does not."""
