"""One in-memory twin for every port. Fakes subclass the port they stand for, and pass its contract suite."""
