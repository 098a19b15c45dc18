"""Catalogue types, only where none exists."""
