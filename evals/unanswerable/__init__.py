"""Questions with and without an answer: the test set of knowing when not to answer."""
