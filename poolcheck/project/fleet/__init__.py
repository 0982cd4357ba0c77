"""What all processes of a project may ask of one server: compose, clusters, platforms, added up."""
