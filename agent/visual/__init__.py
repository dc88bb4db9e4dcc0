"""Visual question answering that looks things up: pictures to entities to passages to answers."""
