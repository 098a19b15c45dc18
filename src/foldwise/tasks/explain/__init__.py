"""What networks look at, and what they have learnt."""
