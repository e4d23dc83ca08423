"""Procedures: catalogue, forms, cases, tasks, history, incidents, operations, rehearsal."""
