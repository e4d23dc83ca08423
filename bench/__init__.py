"""Benchmarks: what a step costs, beside a floor measured in the same run."""
