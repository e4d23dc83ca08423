"""People: accounts, passwords, codes, sessions, groups, consents."""
