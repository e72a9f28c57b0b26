"""The provider that needs no model: a documented grammar of requests, and recipes. Equal questions, equal answers."""
