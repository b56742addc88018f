"""Grades the service: suites, a runner, metrics with intervals, a gate and reports."""
