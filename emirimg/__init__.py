"""Reduction of dithered near-infrared images, first of all those of EMIR."""
