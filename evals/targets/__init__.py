"""What can be evaluated: an agent, an endpoint, a bare model, a retriever, a reranker."""
