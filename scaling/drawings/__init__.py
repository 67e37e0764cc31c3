"""Architecture drawings: a layout is plain data, rendered to SVG, PDF and PNG alike."""

from scaling.drawings.details import DETAILS, draw
from scaling.drawings.difference import difference_drawing
from scaling.drawings.drawing import Drawing
from scaling.drawings.modules import module_drawing
from scaling.drawings.network import variant_drawing
from scaling.drawings.rendering import render, save_drawing
from scaling.drawings.silhouettes import family_drawing, scaling_ways, scaling_ways_drawing
from scaling.drawings.stage import stage_drawing

__all__ = [
    "DETAILS",
    "Drawing",
    "difference_drawing",
    "draw",
    "family_drawing",
    "module_drawing",
    "render",
    "save_drawing",
    "scaling_ways",
    "scaling_ways_drawing",
    "stage_drawing",
    "variant_drawing",
]
