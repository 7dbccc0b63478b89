"""Kits: a bundle as a project that an app or a firmware embeds."""
