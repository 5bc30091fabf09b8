"""Pictures of the paper's claims, each a function of saved rows."""
