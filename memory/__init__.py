"""What is kept: vector store, ledger, threads."""
