"""From texts and decisions to scores as if unseen, calibration and weights; nothing here says how good a model is."""
