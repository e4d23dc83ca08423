"""Everything that is true without HTTP and without a broker."""
