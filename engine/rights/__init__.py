"""Rights and benefits: parking entitlements, care plans."""
