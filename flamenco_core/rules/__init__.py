"""The decisions of a farm, as pure functions: values in, values out, no clock, no database."""
