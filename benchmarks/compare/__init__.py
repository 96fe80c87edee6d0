"""All methods on the same sections: environments, embeddings, one evaluation, and a page of it (``make compare``)."""
