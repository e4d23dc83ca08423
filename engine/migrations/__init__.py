"""Alembic: the schema of each release."""
