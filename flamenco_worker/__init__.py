"""The program on each render machine: asks the Manager for tasks, runs them, verifies results."""
