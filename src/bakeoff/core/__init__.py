"""What everything else stands on: errors, units, the key of a cell, paths, the machine. Imports nothing above it."""
