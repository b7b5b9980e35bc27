"""Where the packages meet: settings, wiring, the pipelines in and out, the clock's ticks, the command line."""
