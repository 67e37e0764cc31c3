"""Trainings as jobs and records: setup, store, executor, run folder."""
