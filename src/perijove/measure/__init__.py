"""Measurements on maps and pictures: lengths, areas, craters, profiles, rays."""
