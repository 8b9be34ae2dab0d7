"""Language and image models: the openai package behind the core's model ports."""
