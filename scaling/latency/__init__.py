"""How long a network takes on a device: a model, its calibration, the measuring. Under search."""

from scaling.latency.calibration import Calibration, read_calibration, write_calibration
from scaling.latency.model import LatencyModel

__all__ = ["Calibration", "LatencyModel", "read_calibration", "write_calibration"]
