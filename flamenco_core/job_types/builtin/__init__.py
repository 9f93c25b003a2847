"""The job types that come with the program, one module each.

They are found and run like any other job type, by path; nothing imports them by name.
"""
