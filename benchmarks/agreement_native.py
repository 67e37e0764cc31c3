"""Every peer at every variant's own image size: python benchmarks/agreement_native.py.

One image each, float32 and float64, weights carried both ways; writes results/agreement/ with provenance.
Takes the options of `scaling verify` too: `--variants b0,b1` does part of it, `--output DIR` goes elsewhere.
"""

from __future__ import annotations

import sys

from scaling.cli.output import run
from scaling.cli.verify import verify

NATIVE = ["--image-size", "native", "--images", "1", "--output", "results/agreement"]

if __name__ == "__main__":
    run(verify, [*NATIVE, *sys.argv[1:]])
