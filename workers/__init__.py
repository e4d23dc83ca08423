"""The broker's shell around the jobs: Celery and Redis carry wake-ups and ids, `engine.core.jobs` does the work."""
