"""The interface for programs: what people do in the console, by JSON over HTTP."""
