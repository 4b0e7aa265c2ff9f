"""Flat field: bias, flat and bad-pixel frames estimated from many strips whose geometry is solved."""
