"""The conversation engine: pure and synchronous. A Turn goes in, effects come out."""
