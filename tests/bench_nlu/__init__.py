"""How well and how fast the engines understand."""
