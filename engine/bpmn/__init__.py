"""The only room that knows SpiffWorkflow; no SQL."""
