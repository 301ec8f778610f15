"""`--engine ray`: the same adapters as actors on a Ray cluster, one a GPU, and one stream of responses."""
