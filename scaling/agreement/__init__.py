"""Whether other implementations compute what this package does, from equal weights. Above weights."""

from scaling.agreement.comparison import TOLERANCE, Agreement, compare, randomise, verify
from scaling.agreement.peers import (
    PEERS,
    OtherNetwork,
    other_network,
    peer_installed,
    peer_version,
    torch_network,
)

__all__ = [
    "PEERS",
    "TOLERANCE",
    "Agreement",
    "OtherNetwork",
    "compare",
    "other_network",
    "peer_installed",
    "peer_version",
    "randomise",
    "torch_network",
    "verify",
]
