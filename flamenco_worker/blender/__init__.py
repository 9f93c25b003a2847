"""Everything the worker knows about Blender: its command line, its log, and its output files."""
