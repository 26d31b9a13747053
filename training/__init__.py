"""How a model is made: corpora, label maps, fitting, calibration, evaluation."""
