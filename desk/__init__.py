"""The desk: what agents see and do. The terminal and the console use these same verbs."""
