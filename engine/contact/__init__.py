"""What passes between the city and a person: documents, exchanges, notifications and the ways they go."""
