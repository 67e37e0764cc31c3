"""The audit of proxies: whether cheap trainings, or none, rank networks as dear ones do."""
