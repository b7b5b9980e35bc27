"""Adapters: a provider's payload in, our envelope out, and back. One channel a file, or a file and its parts."""
