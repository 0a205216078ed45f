"""Spaces that users run, copy and edit."""
