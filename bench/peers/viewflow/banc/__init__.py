"""The bench's procedure as somebody who uses Viewflow would write it."""
