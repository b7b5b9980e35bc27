"""Where the packages meet: settings, wiring, the two pipelines (receive to apply, send), the clock, the command line."""
