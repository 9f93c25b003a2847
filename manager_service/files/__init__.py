"""What people see of the files that Manager and workers share."""
