"""A person as a whole: what is held of them, their export, their deletion, the life cycle of accounts (B16, B17)."""
