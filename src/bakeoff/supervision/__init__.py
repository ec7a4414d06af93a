"""How a job is run: in a child process that is watched, limited in time, and always leaves a record."""
