"""What site furniture looks like, learned from made-up furniture around articles."""
