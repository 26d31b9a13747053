"""How a model is served: HTTP over `models`."""
