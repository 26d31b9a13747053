"""Articles and their labels: fetchers, formats, label maps, own data; nothing here fits a model."""
