"""The models against real servers: slow, with the tolerances that were measured."""
