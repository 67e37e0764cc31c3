"""How long a network takes on a device: a model, its calibration, the measuring. Under search."""
