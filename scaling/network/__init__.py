"""Networks as frozen data: coefficients, rounding, specs, generation, families, baselines."""
