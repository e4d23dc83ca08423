"""What passes between the city and a person: documents, notifications."""
