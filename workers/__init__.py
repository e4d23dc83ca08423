"""What stands on Redis.

Celery carries wake-ups and ids of jobs, `engine.core.jobs` does the work; processes count tries together.
"""
