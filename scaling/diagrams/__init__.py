"""Architecture drawings: a layout is plain data, rendered to SVG, PDF and PNG alike. Floor 3."""

from scaling.diagrams.difference import difference_drawing
from scaling.diagrams.drawing import Drawing
from scaling.diagrams.modules import module_drawing
from scaling.diagrams.network import variant_drawing
from scaling.diagrams.rendering import render, save_drawing
from scaling.diagrams.saving import official_drawings, save_drawings
from scaling.diagrams.silhouettes import family_drawing, scaling_ways, scaling_ways_drawing
from scaling.diagrams.stage import stage_drawing

__all__ = [
    "Drawing",
    "difference_drawing",
    "family_drawing",
    "module_drawing",
    "official_drawings",
    "render",
    "save_drawing",
    "save_drawings",
    "scaling_ways",
    "scaling_ways_drawing",
    "stage_drawing",
    "variant_drawing",
]
