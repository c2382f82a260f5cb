"""Comparison of methods on one data set: equal effort, statistics, and a report."""
