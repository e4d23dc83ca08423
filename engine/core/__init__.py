"""What every room stands on: configuration, clock, errors, database, jobs, mail."""
