"""The search of compound coefficients: Optuna asks and tells here, and nowhere else."""
