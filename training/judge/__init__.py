"""How good a model is, and whether a candidate is better; nothing here fits a published model, or draws a plot."""
