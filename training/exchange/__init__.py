"""To and from scikit-learn pipelines; `from_pipeline` is the only place that unpickles."""
