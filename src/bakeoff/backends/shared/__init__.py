"""What several backend kinds share. No kind itself: nothing here defines a Backend."""
