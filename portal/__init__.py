"""The web: Flask over the engine."""
