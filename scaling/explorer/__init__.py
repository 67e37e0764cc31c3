"""A page to turn the coefficients by hand."""

from scaling.explorer.page import explorer_data, explorer_page

__all__ = ["explorer_data", "explorer_page"]
