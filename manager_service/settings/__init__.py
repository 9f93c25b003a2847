"""How a running Manager is set up, and changed: its configuration, the assistant of the first
start, job types of the farm's own, what workers are told, and what room there is.
"""
