"""Generators and discriminators; the parameters in `config` are free of torch."""
