"""The console: where agents, marketers, supervisors and admins work, in a browser."""
