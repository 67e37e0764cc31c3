"""The library's face: one call a job, with progress, for notebooks, scripts and the command line alike."""
