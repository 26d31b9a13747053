"""The fits of a training as tasks and files: it outlives its workers, and goes on where it was killed."""
