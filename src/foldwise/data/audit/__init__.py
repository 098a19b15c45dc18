"""What the samples hide: found before they are split, and told with its advice."""
