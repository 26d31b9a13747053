"""What a topic model is: article, text, features, scores, confidence, evidence, bundle."""
