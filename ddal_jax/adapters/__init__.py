"""The rim towards other projects. Each module keeps the words of one peer and needs that peer alone."""
